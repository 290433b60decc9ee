package export

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// maxLine is the longest line into which a table is put; longer ones get a line for each key.
const maxLine = 110

// table is a section that is being written.
type table struct {
	x *exporter
	b strings.Builder
}

func (t *table) String() string { return t.b.String() }

func (t *table) header(text string) { t.b.WriteString("\n" + text + "\n") }

func (t *table) line(key, value string) { t.b.WriteString(key + " = " + value + "\n") }

// scalar writes a value that is a text, number or truth value in TOML when it reads back as the same text.
func (t *table) scalar(name, value string) { t.line(Key(name), Value(value)) }

// optional writes an attribute when it is there.
func (t *table) optional(key string, e *cibxml.Element, attr string) {
	if v, ok := e.Lookup(attr); ok {
		if v == "" {
			t.x.ok = false
		}
		t.line(key, Value(v))
	}
}

// text writes a text.
func (t *table) text(key, value string) { t.line(key, Quote(value)) }

// list writes a list of texts.
func (t *table) list(key string, values []string) {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Quote(v)
	}
	t.line(key, "["+strings.Join(quoted, ", ")+"]")
}

// pair is a key with a value in TOML notation.
type pair struct{ key, value string }

func scalars(list []cibxml.Attr) []pair {
	pairs := make([]pair, len(list))
	for i, a := range list {
		pairs[i] = pair{Key(a.Name), Value(a.Value)}
	}
	return pairs
}

// inline writes a table on one line.
func inline(pairs []pair) string {
	parts := make([]string, len(pairs))
	for i, p := range pairs {
		parts[i] = p.key + " = " + p.value
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// table writes a table, on one line or with a line for each key.
func (t *table) table(key string, pairs []pair) {
	if len(pairs) == 0 {
		return
	}
	if text := inline(pairs); len(key)+len(text)+3 <= maxLine {
		t.line(key, text)
		return
	}
	for _, p := range pairs {
		t.line(key+"."+p.key, p.value)
	}
}

// tables writes a list of tables, each on a line.
func (t *table) tables(key string, list []string) {
	if len(list) == 1 && len(key)+len(list[0])+5 <= maxLine {
		t.line(key, "["+list[0]+"]")
		return
	}
	t.b.WriteString(key + " = [\n")
	for _, l := range list {
		t.b.WriteString("  " + l + ",\n")
	}
	t.b.WriteString("]\n")
}

// Key writes a key, quoted where it must be.
func Key(name string) string {
	for _, c := range name {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return Quote(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// Value writes a text as number or truth value when TOML reads it back as the same text, else in quotes.
func Value(text string) string {
	if text == "true" || text == "false" {
		return text
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return text
	}
	return Quote(text)
}

// Quote writes a text as a TOML string on one line.
func Quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
