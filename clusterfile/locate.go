package clusterfile

import (
	"strconv"
	"strings"
)

// child is the path of a key below a path. Keys that are not bare words are quoted, so that paths are
// unambiguous.
func child(path, key string) string {
	for i := range len(key) {
		if !bare(key[i]) {
			key = strconv.Quote(key)
			break
		}
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func bare(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// locate maps the path of every key and table of a TOML text to its line. The text has been parsed already,
// so the scanner is lenient: what it does not understand it skips.
func locate(text string) map[string]int {
	s := &scanner{text: text, line: 1, lines: make(map[string]int), tables: make(map[string]int)}
	table := ""
	for s.more() {
		s.blank()
		switch {
		case !s.more():
		case s.text[s.pos] == '[':
			table = s.header()
		default:
			s.pair(table)
		}
	}
	return s.lines
}

// scanner walks the text. Every method leaves pos beyond what it consumed, so that the walk ends.
type scanner struct {
	text   string
	pos    int
	line   int
	lines  map[string]int
	tables map[string]int // number of [[path]] seen so far
}

func (s *scanner) more() bool { return s.pos < len(s.text) }

func (s *scanner) at(prefix string) bool { return strings.HasPrefix(s.text[s.pos:], prefix) }

func (s *scanner) next() {
	if s.text[s.pos] == '\n' {
		s.line++
	}
	s.pos++
}

// blank skips white space, line ends and comments.
func (s *scanner) blank() {
	for s.more() {
		switch c := s.text[s.pos]; {
		case c == '#':
			for s.more() && s.text[s.pos] != '\n' {
				s.pos++
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			s.next()
		default:
			return
		}
	}
}

// header reads [a.b] or [[a.b]] and returns the path of the table, with the index of each array of tables.
func (s *scanner) header() string {
	line := s.line
	array := s.at("[[")
	for s.more() && s.text[s.pos] == '[' {
		s.pos++
	}
	keys := s.keys()
	for s.more() && s.text[s.pos] == ']' {
		s.pos++
	}
	path := ""
	for i, key := range keys {
		path = child(path, key)
		last := i == len(keys)-1
		n, isArray := s.tables[path]
		switch {
		case last && array:
			s.tables[path] = n + 1
			s.note(path, line)
			path += "[" + strconv.Itoa(n) + "]"
		case isArray:
			path += "[" + strconv.Itoa(n-1) + "]"
		}
		s.note(path, line)
	}
	return path
}

// note keeps the first line of a path.
func (s *scanner) note(path string, line int) {
	if _, ok := s.lines[path]; !ok {
		s.lines[path] = line
	}
}

// pair reads key = value below a table.
func (s *scanner) pair(table string) {
	start, line := s.pos, s.line
	path := table
	for _, key := range s.keys() {
		path = child(path, key)
		s.note(path, line)
	}
	if s.more() && s.text[s.pos] == '=' {
		s.pos++
		s.value(path)
	}
	if s.pos == start {
		s.next()
	}
}

// keys reads a dotted key.
func (s *scanner) keys() []string {
	var keys []string
	for s.more() {
		s.spaces()
		if !s.more() {
			break
		}
		switch c := s.text[s.pos]; {
		case c == '"' || c == '\'':
			keys = append(keys, s.quoted())
		case bare(c):
			start := s.pos
			for s.more() && bare(s.text[s.pos]) {
				s.pos++
			}
			keys = append(keys, s.text[start:s.pos])
		default:
			return keys
		}
		s.spaces()
		if !s.more() || s.text[s.pos] != '.' {
			return keys
		}
		s.pos++
	}
	return keys
}

func (s *scanner) spaces() {
	for s.more() && (s.text[s.pos] == ' ' || s.text[s.pos] == '\t') {
		s.pos++
	}
}

// quoted reads a string of any of the four forms and returns what it means; only keys use the result, and
// those are on one line.
func (s *scanner) quoted() string {
	q := s.text[s.pos : s.pos+1]
	closing := q
	if s.at(q + q + q) {
		closing = q + q + q
	}
	start := s.pos
	s.pos += len(closing)
	for s.more() && !s.at(closing) {
		if q == `"` && s.text[s.pos] == '\\' && s.pos+1 < len(s.text) {
			s.next()
		}
		s.next()
	}
	inner := s.text[min(start+len(closing), s.pos):s.pos]
	// Up to two quotes may stand before the closing three.
	for s.pos += len(closing); len(closing) == 3 && s.more() && s.at(q); {
		s.pos++
	}
	s.pos = min(s.pos, len(s.text))
	if q == `"` {
		if u, err := strconv.Unquote(`"` + inner + `"`); err == nil {
			return u
		}
	}
	return inner
}

// value reads a value and notes the keys of inline tables and the elements of lists in it.
func (s *scanner) value(path string) {
	s.spaces()
	if !s.more() {
		return
	}
	switch s.text[s.pos] {
	case '"', '\'':
		s.quoted()
	case '[':
		s.pos++
		for i := 0; ; i++ {
			if s.closes(']') {
				return
			}
			item := path + "[" + strconv.Itoa(i) + "]"
			s.note(item, s.line)
			start := s.pos
			if s.value(item); s.pos == start {
				s.next()
			}
		}
	case '{':
		s.pos++
		for !s.closes('}') {
			s.pair(path)
		}
	default:
		for s.more() && !strings.ContainsRune(",]}\n#", rune(s.text[s.pos])) {
			s.pos++
		}
	}
}

// closes skips blanks and commas, and the bracket when it is next. The end of the text closes everything.
func (s *scanner) closes(bracket byte) bool {
	for s.blank(); s.more() && s.text[s.pos] == ','; s.blank() {
		s.pos++
	}
	if !s.more() {
		return true
	}
	if s.text[s.pos] == bracket {
		s.pos++
		return true
	}
	return false
}
