package cib

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Op is what a command does.
type Op string

const (
	OpQuery   Op = "query"
	OpCreate  Op = "create"
	OpModify  Op = "modify"
	OpReplace Op = "replace"
	OpDelete  Op = "delete"
	OpErase   Op = "erase"
	OpBump    Op = "bump"
	OpUpgrade Op = "upgrade"
	OpPatch   Op = "patch"
)

// Writes reports whether the operation may change the document.
func (o Op) Writes() bool { return o != OpQuery }

// PacemakerName is the operation's name in messages: cib_create.
func (o Op) PacemakerName() string {
	if o == OpPatch {
		return "cib_apply_diff"
	}
	return "cib_" + string(o)
}

// Command is one operation on a CIB. The fields mean what cibadmin's options mean.
type Command struct {
	Op      Op
	Section string // scope, "" is the whole document
	XPath   string // instead of Section
	// Input is what create, modify, replace, delete and patch work with. It is not changed, but may become a
	// part of the new document and must not be changed later.
	Input *cibxml.Element

	AllowCreate bool // modify: append what is not there
	All         bool // with XPath: every match of a delete, modify or replace
	NoChildren  bool // query: elements without their children
	PathsOnly   bool // query: where the matches are
	// Mixed makes modify remove every element that carries the attribute __delete__ after the merge.
	Mixed bool

	// Client, User and Origin (a node) go into update-client, update-user and update-origin.
	Client string
	User   string
	Origin string
	// Now is the time of the change in Unix seconds, for cib-last-written; 0 leaves that and update-* alone, as
	// commands on a file do. UTCOffset is the local time zone where the command was given, in seconds east:
	// it travels with the command so that all nodes write the same text.
	Now       int64
	UTCOffset int
	// Base, when set, refuses the command unless the configuration still has this admin_epoch and epoch.
	Base *Version

	// Upgrade transforms a document to a newer schema; nil when the caller has no upgrades. It returns the
	// document itself when there is nothing to do.
	Upgrade func(doc *cibxml.Element) (*cibxml.Element, error)
	// Check may refuse a change (access control). It sees the document before and after, without the counters.
	Check func(old, new *cibxml.Element) error
}

// Result is what a command did.
type Result struct {
	// Doc is the document afterwards: the very same one when nothing changed.
	Doc *cibxml.Element
	// Output is the answer of a query.
	Output *cibxml.Element
	// Configuration and Status tell whether anything changed there.
	Configuration bool
	Status        bool
	// Note is what a person should be told although the command succeeded.
	Note string
}
