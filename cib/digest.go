package cib

import (
	"crypto/md5"
	"encoding/hex"
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// unversioned are attributes of <cib> that tell how a document came to be and not what is in it.
var unversioned = []string{"origin", "cib-last-written", "update-origin", "update-client", "update-user"}

// Digest is the MD5 of a tree as Pacemaker puts it beside files on disk: everything counts, the order of
// attributes included.
func Digest(e *cibxml.Element) string {
	return hexMD5(" " + e.Format(cibxml.Style{Pacemaker: true}) + "\n")
}

// VersionedDigest is the MD5 by which two nodes or a patch compare documents: without the attributes that
// tell only how a document came to be.
func VersionedDigest(e *cibxml.Element) string {
	top := *e
	top.Attrs = slices.DeleteFunc(slices.Clone(e.Attrs), func(a cibxml.Attr) bool { return slices.Contains(unversioned, a.Name) })
	return hexMD5(top.Format(cibxml.Style{Pacemaker: true}))
}

func hexMD5(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
