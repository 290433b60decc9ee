package clusterfile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// Section is a table of the file. Its readers return the fallback and note a problem when a value is of the
// wrong type or out of range, so that reading goes on and finds the other problems too. Done then reports
// the keys that nobody asked for.
type Section struct {
	doc   *document
	path  string
	keys  map[string]any
	known map[string]bool
}

func (d *document) section(path string, keys map[string]any) *Section {
	return &Section{doc: d, path: path, keys: keys, known: make(map[string]bool)}
}

func (s *Section) use(key string) (any, bool) {
	s.known[key] = true
	v, ok := s.keys[key]
	return v, ok
}

// Path is the full key of a key of this section, "" for the section itself.
func (s *Section) Path(key string) string {
	if key == "" {
		return s.path
	}
	return child(s.path, key)
}

// Line is where the key is in the file; the section's own line when the key is not there.
func (s *Section) Line(key string) int {
	if n, ok := s.doc.lines[s.Path(key)]; ok {
		return n
	}
	return s.doc.lines[s.path]
}

// Problem notes that something is wrong with a key; "" is the section itself.
func (s *Section) Problem(key, format string, args ...any) {
	s.doc.problems = append(s.doc.problems, Problem{
		File: s.doc.name, Line: s.Line(key), Key: s.Path(key), Message: fmt.Sprintf(format, args...)})
}

// Ignore accepts a key without effect.
func (s *Section) Ignore(key, why string) {
	if _, ok := s.use(key); ok {
		s.doc.ignored = append(s.doc.ignored, Ignored{Line: s.Line(key), Key: s.Path(key), Why: why})
	}
}

// Has reports whether the key is there.
func (s *Section) Has(key string) bool { _, ok := s.use(key); return ok }

// Keys are the section's keys in the order of the file.
func (s *Section) Keys() []string {
	return slices.SortedFunc(maps.Keys(s.keys), func(a, b string) int {
		if d := s.Line(a) - s.Line(b); d != 0 {
			return d
		}
		if a < b {
			return -1
		}
		return 1
	})
}

// Raw is the value as TOML has it: string, int64, float64, bool, a time, []any, []map[string]any or
// map[string]any; nil when the key is not there.
func (s *Section) Raw(key string) any { v, _ := s.use(key); return v }

// Str reads a string.
func (s *Section) Str(key, fallback string) string {
	v, ok := s.use(key)
	if !ok {
		return fallback
	}
	text, ok := v.(string)
	if !ok {
		s.Problem(key, "is %s, must be a string in quotes", kind(v))
		return fallback
	}
	return text
}

// Word reads a string that must be one of the words.
func (s *Section) Word(key, fallback string, words ...string) string {
	text := s.Str(key, fallback)
	if text != fallback && !slices.Contains(words, text) {
		s.Problem(key, "is %q, must be one of %q", text, words)
		return fallback
	}
	return text
}

// Int reads a whole number from lo to hi.
func (s *Section) Int(key string, fallback, lo, hi int) int {
	v, ok := s.use(key)
	if !ok {
		return fallback
	}
	n, ok := v.(int64)
	switch {
	case !ok:
		s.Problem(key, "is %s, must be a whole number", kind(v))
		return fallback
	case n < int64(lo) || n > int64(hi):
		s.Problem(key, "is %d, must be from %d to %d", n, lo, hi)
		return fallback
	}
	return int(n)
}

// Millis reads a time in whole milliseconds, from lo to hi, which is how Corosync writes times.
func (s *Section) Millis(key string, fallback, lo, hi time.Duration) time.Duration {
	v, ok := s.use(key)
	if !ok {
		return fallback
	}
	if text, isText := v.(string); isText {
		if d, err := time.ParseDuration(text); err == nil {
			s.Problem(key, "is %q, must be a number of milliseconds without a unit: %d", text, d.Milliseconds())
			return fallback
		}
	}
	n, ok := v.(int64)
	d := time.Duration(n) * time.Millisecond
	switch {
	case !ok:
		s.Problem(key, "is %s, must be a whole number of milliseconds", kind(v))
		return fallback
	case n < 0 || n > hi.Milliseconds() || d < lo:
		s.Problem(key, "is %d ms, must be from %d to %d ms", n, lo.Milliseconds(), hi.Milliseconds())
		return fallback
	}
	return d
}

// Bool reads true or false; 1 and 0 do too, as Corosync writes them.
func (s *Section) Bool(key string, fallback bool) bool {
	v, ok := s.use(key)
	if !ok {
		return fallback
	}
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		if v == 0 || v == 1 {
			return v == 1
		}
	}
	s.Problem(key, "is %s, must be true or false", show(v))
	return fallback
}

// Scalar reads a text, a number or a truth value as text, as a CIB holds all values; ok is false when the key is
// not there or holds something else.
func (s *Section) Scalar(key string) (text string, ok bool) {
	v, there := s.use(key)
	if !there {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	s.Problem(key, "is %s, must be a text, a number, true or false", kind(v))
	return "", false
}

// Strings reads a list of strings.
func (s *Section) Strings(key string) []string {
	v, ok := s.use(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		s.Problem(key, "is %s, must be a list of strings", kind(v))
		return nil
	}
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			s.Problem(key, "holds %s, must hold strings in quotes only", show(item))
			return nil
		}
		texts = append(texts, text)
	}
	return texts
}

// Table is the section of that name below this one. It is empty when it is not there.
func (s *Section) Table(key string) *Section {
	v, ok := s.use(key)
	if !ok {
		return s.doc.section(s.Path(key), nil)
	}
	keys, ok := v.(map[string]any)
	if !ok {
		if _, list := v.([]map[string]any); list {
			s.Problem(key, "there may be only one: write [%s], not [[%s]]", s.Path(key), s.Path(key))
		} else {
			s.Problem(key, "is %s, must be a section [%s]", kind(v), s.Path(key))
		}
	}
	return s.doc.section(s.Path(key), keys)
}

// Tables are the sections of that name below this one: [[key]] in the file.
func (s *Section) Tables(key string) []*Section {
	v, ok := s.use(key)
	if !ok {
		return nil
	}
	var list []map[string]any
	switch v := v.(type) {
	case []map[string]any:
		list = v
	case []any: // key = [{...}, {...}]
		for _, item := range v {
			if table, ok := item.(map[string]any); ok {
				list = append(list, table)
			}
		}
		if len(list) != len(v) {
			s.Problem(key, "must hold tables only")
			return nil
		}
	default:
		s.Problem(key, "is %s, must be a list of sections: write [[%s]]", kind(v), s.Path(key))
		return nil
	}
	sections := make([]*Section, len(list))
	for i, keys := range list {
		sections[i] = s.doc.section(s.Path(key)+"["+strconv.Itoa(i)+"]", keys)
	}
	return sections
}

// Done reports the keys that no reader asked for.
func (s *Section) Done() {
	for _, key := range s.Keys() {
		if s.known[key] {
			continue
		}
		if near := option.Nearest(key, slices.Sorted(maps.Keys(s.known))); near != "" {
			s.Problem(key, "unknown key; did you mean %q?", near)
		} else {
			s.Problem(key, "unknown key")
		}
	}
}

// kind says what a value is, for a person.
func kind(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", v)
	case int64, float64:
		return fmt.Sprintf("the number %v", v)
	case bool:
		return fmt.Sprintf("%t", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	case []map[string]any:
		return "a list of tables"
	}
	return fmt.Sprintf("the date %v", v)
}

func show(v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	return kind(v)
}
