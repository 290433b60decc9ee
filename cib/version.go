// Package cib is the vocabulary of the cluster's configuration: the CIB document, its version, the commands
// that change it as a pure function, and the difference between two documents.
//
// A document is a cibxml tree that is never changed once somebody else can see it. Apply makes a new tree that
// shares with the old one everything that did not change, so that comparing the two looks only at what did.
package cib

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// FeatureSet is what the CIB of this software may contain, in Pacemaker's numbering: that of 2.1.5.
const FeatureSet = "3.16.1"

// Version is the triple that orders the states of a CIB.
type Version struct {
	AdminEpoch int // changed by administrators only
	Epoch      int // changes of the configuration
	NumUpdates int // all other changes since
}

// versionFields are the attributes of <cib> that hold a Version, most significant first.
var versionFields = [3]string{"admin_epoch", "epoch", "num_updates"}

// VersionOf reads the version of a document. What is missing or no number counts as 0.
func VersionOf(doc *cibxml.Element) Version {
	return Version{
		max(versionField(doc, versionFields[0]), 0),
		max(versionField(doc, versionFields[1]), 0),
		max(versionField(doc, versionFields[2]), 0),
	}
}

// versionField reads one number of the version, -1 when it is missing.
func versionField(e *cibxml.Element, name string) int {
	v, ok := e.Lookup(name)
	if !ok {
		return -1
	}
	return int(parseInt(v))
}

// ParseVersion reads what String writes. A missing num_updates or epoch is 0.
func ParseVersion(s string) (Version, error) {
	var n [3]int
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return Version{}, fmt.Errorf("CIB version %q has more than three numbers", s)
	}
	for i, p := range parts {
		v, err := strconv.Atoi(p)
		if err != nil || v < 0 {
			return Version{}, fmt.Errorf("CIB version %q is not ADMIN_EPOCH.EPOCH.NUM_UPDATES", s)
		}
		n[i] = v
	}
	return Version{n[0], n[1], n[2]}, nil
}

func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.AdminEpoch, v.Epoch, v.NumUpdates)
}

// Compare is negative when v is older than o, positive when it is newer.
func (v Version) Compare(o Version) int {
	return cmp.Or(cmp.Compare(v.AdminEpoch, o.AdminEpoch), cmp.Compare(v.Epoch, o.Epoch), cmp.Compare(v.NumUpdates, o.NumUpdates))
}

// SameConfiguration reports whether both have the same configuration: num_updates counts only the status.
func (v Version) SameConfiguration(o Version) bool {
	return v.AdminEpoch == o.AdminEpoch && v.Epoch == o.Epoch
}

// WithVersion returns the document with another version.
func WithVersion(doc *cibxml.Element, v Version) *cibxml.Element {
	return WithAttrs(doc, versionFields[0], strconv.Itoa(v.AdminEpoch), versionFields[1], strconv.Itoa(v.Epoch),
		versionFields[2], strconv.Itoa(v.NumUpdates))
}

// newerFeatures reports whether a feature set is above ours; what is no number counts as 0.
func newerFeatures(set string) bool {
	theirs, ours := strings.Split(set, "."), strings.Split(FeatureSet, ".")
	for i := range max(len(theirs), len(ours)) {
		var t, o int64
		if i < len(theirs) {
			t = parseInt(theirs[i])
		}
		if i < len(ours) {
			o = parseInt(ours[i])
		}
		if t != o {
			return t > o
		}
	}
	return false
}
