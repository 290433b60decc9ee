package clusterfile

import (
	"slices"
	"strings"
)

// Setting is a key of a section with its value as TOML writes it; without a value the key is removed.
type Setting struct{ Key, Value string }

// Set changes keys of one section, such as quorum, in the text of a cluster file, and leaves everything else as it
// is written. A section that is not there is made. The result has to be parsed: a key that is written in another
// way, such as a.b below [x], is not found and then there twice.
func Set(text, section string, settings []Setting) string {
	blocks := Blocks(text)
	at := slices.IndexFunc(blocks, func(b Block) bool { return b.Path == section })
	if at < 0 {
		if !slices.ContainsFunc(settings, func(s Setting) bool { return s.Value != "" }) {
			return text
		}
		at = place(blocks, section)
		blocks = slices.Insert(blocks, at, Block{Path: section, Text: "[" + section + "]\n\n"})
		separate(blocks, at)
	}
	for _, s := range settings {
		blocks[at].Text = setKey(blocks[at].Text, s)
	}
	return join(blocks)
}

// Replace puts a text in place of a section and of all sections below it; "" removes them.
func Replace(text, section, with string) string {
	blocks := Blocks(text)
	at := -1
	var rest []Block
	for _, b := range blocks {
		if b.Path == section || strings.HasPrefix(b.Path, section+".") {
			if at < 0 {
				at = len(rest)
			}
			continue
		}
		rest = append(rest, b)
	}
	if with == "" {
		return join(rest)
	}
	if at < 0 {
		at = place(rest, section)
	}
	rest = slices.Insert(rest, at, Block{Path: section, Text: strings.TrimRight(with, "\n") + "\n\n"})
	separate(rest, at)
	return join(rest)
}

// place is where a section that is not there yet goes: behind those with which it belongs together, else behind
// those of the membership, else to the end.
func place(blocks []Block, section string) int {
	at := len(blocks)
	for i, b := range blocks {
		if b.Key == firstKey(section) {
			at = i + 1
		}
	}
	if at < len(blocks) {
		return at
	}
	for i, b := range blocks {
		if slices.Contains([]string{"cluster", "totem", "node", "quorum"}, b.Key) {
			at = i + 1
		}
	}
	return at
}

// separate makes sure that a block begins on a line of its own.
func separate(blocks []Block, at int) {
	if at > 0 {
		if before := &blocks[at-1]; !strings.HasSuffix(before.Text, "\n\n") {
			before.Text = strings.TrimRight(before.Text, "\n") + "\n\n"
		}
	}
}

func join(blocks []Block) string {
	var b strings.Builder
	for _, x := range blocks {
		b.WriteString(x.Text)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// setKey changes one key in a block.
func setKey(block string, set Setting) string {
	s := &scanner{text: block, line: 1, lines: make(map[string]int), tables: make(map[string]int)}
	last := 0 // behind the header or the last key
	for s.more() {
		s.blank()
		if !s.more() {
			break
		}
		if s.text[s.pos] == '[' {
			s.header()
			last = lineEnd(block, s.pos)
			continue
		}
		start := s.pos
		key, _, _ := strings.Cut(block[start:], "=")
		s.pair("")
		if strings.Trim(strings.TrimSpace(key), `"'`) != set.Key {
			last = lineEnd(block, s.pos)
			continue
		}
		if set.Value != "" {
			end := start + len(strings.TrimRight(block[start:s.pos], " \t\r"))
			return block[:start] + set.Key + " = " + set.Value + block[end:]
		}
		begin := strings.LastIndexByte(block[:start], '\n') + 1
		return block[:begin] + block[lineEnd(block, s.pos):]
	}
	if set.Value == "" {
		return block
	}
	head := block[:last]
	if !strings.HasSuffix(head, "\n") {
		head += "\n"
	}
	return head + set.Key + " = " + set.Value + "\n" + block[last:]
}

// lineEnd is the beginning of the line behind a position.
func lineEnd(text string, pos int) int {
	if n := strings.IndexByte(text[pos:], '\n'); n >= 0 {
		return pos + n + 1
	}
	return len(text)
}
