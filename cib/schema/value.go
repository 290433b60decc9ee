package schema

import (
	"slices"
	"strings"
	"unicode"
)

// kind is what the value of an attribute may be.
type kind struct {
	// what describes it for a person: "a number".
	what string
	// ok decides; nil accepts everything.
	ok func(value string) bool
	// words are the only values, unless ok is there too and accepts the value.
	words []word
	// not are values that are refused.
	not []word
	// id and ref mark the attributes whose values name elements of the document.
	id, ref bool
	// exact tells that white space counts: a pattern of the schema is about the text as it stands.
	exact bool
}

// word is a value with the versions that know it.
type word struct {
	text string
	span
}

// oneOf makes a kind of which these are the values.
func oneOf(texts ...string) kind { return kind{words: words(always, texts...)} }

// exactly makes a kind with one value.
func exactly(text string) kind { return oneOf(text) }

// butNot makes a kind that accepts everything except these values.
func butNot(list []word) kind { return kind{not: list} }

func words(s span, texts ...string) []word {
	list := make([]word, len(texts))
	for i, t := range texts {
		list[i] = word{t, s}
	}
	return list
}

// and adds values that only these versions know.
func (k kind) and(s span, texts ...string) kind {
	k.words = append(slices.Clone(k.words), words(s, texts...)...)
	return k
}

var (
	text        = kind{}
	id          = kind{what: "an id: a letter or \"_\", then letters, digits, \".\", \"-\" or \"_\"", ok: ncName, id: true}
	ref         = kind{what: "the id of another element", ok: ncName, ref: true}
	boolean     = oneOf("true", "false", "1", "0")
	integer     = kind{what: "a whole number", ok: isInteger}
	nonNegative = kind{what: "a whole number, 0 or more", ok: func(s string) bool { return isInteger(s) && sign(s) >= 0 }}
	positive    = kind{what: "a whole number, 1 or more", ok: func(s string) bool { return isInteger(s) && sign(s) > 0 }}
	score       = kind{what: "a whole number", ok: isInteger, words: words(always, "INFINITY", "+INFINITY", "-INFINITY")}
	devices     = kind{what: "names of devices, separated by commas without blanks", exact: true, ok: func(s string) bool {
		return !slices.ContainsFunc(strings.Split(s, ","), func(d string) bool { return !madeOf(d, deviceChars) })
	}}
	portRange = kind{what: "a range of ports, such as 1024-1030", exact: true, ok: func(s string) bool { return madeOf(s, "0123456789-") }}
)

const deviceChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// madeOf reports whether s is not empty and has no other characters than these.
func madeOf(s, chars string) bool { return s != "" && strings.Trim(s, chars) == "" }

// accepts decides on a value. White space around and repeated within words and numbers does not matter.
func (k kind) accepts(value string, v version) bool {
	if k.ok == nil && len(k.words) == 0 && len(k.not) == 0 {
		return true
	}
	if !k.exact {
		value = collapse(value)
	}
	is := func(w word) bool { return w.text == value && w.has(v) }
	if slices.ContainsFunc(k.not, is) {
		return false
	}
	if slices.ContainsFunc(k.words, is) {
		return true
	}
	return k.ok != nil && k.ok(value) || k.ok == nil && len(k.words) == 0
}

// describe tells a person what is accepted.
func (k kind) describe(v version) string {
	var parts []string
	for _, w := range k.words {
		if w.has(v) {
			parts = append(parts, w.text)
		}
	}
	if k.what != "" {
		parts = append(parts, k.what)
	}
	return strings.Join(parts, ", ")
}

// collapse trims white space and makes one blank of what is within, as XML Schema does with tokens.
func collapse(s string) string {
	if s != "" && s[0] > ' ' && s[len(s)-1] > ' ' && strings.IndexByte(s, ' ') < 0 {
		return s // no literal tab or line feed survives in an attribute, and &#9; is too rare to look for
	}
	return strings.Join(strings.Fields(s), " ")
}

func ncName(s string) bool {
	for i, r := range s {
		letter := r == '_' || unicode.IsLetter(r)
		if !letter && (i == 0 || r != '-' && r != '.' && r != 0xB7 && !unicode.IsDigit(r) && !unicode.In(r, unicode.M)) {
			return false
		}
	}
	return s != ""
}

// maxDigits is how long a whole number may be; libxml2 refuses longer ones.
const maxDigits = 24

func isInteger(s string) bool {
	digits := strings.TrimLeft(s, "+-")
	return len(s)-len(digits) <= 1 && madeOf(digits, "0123456789") && len(strings.TrimLeft(digits, "0")) <= maxDigits
}

func sign(s string) int {
	switch {
	case strings.Trim(s, "+-0") == "":
		return 0
	case s[0] == '-':
		return -1
	}
	return 1
}
