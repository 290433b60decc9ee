package clusterfile

import "strings"

// Block is a part of a file's text: a [section] or [[section]] with its keys, and the comments directly above
// it. The text before the first section is a block with Key "".
type Block struct {
	Key  string // first part of the section's name, such as constraint for [[constraint.order]]
	Path string // its whole name, with the index of a list: constraint.order[0]
	Text string
}

// Blocks cuts the text of a cluster file into its sections, so that a program can replace some and leave the
// others, with their comments, as a person wrote them.
func Blocks(text string) []Block {
	s := &scanner{text: text, line: 1, lines: make(map[string]int), tables: make(map[string]int)}
	starts, paths := []int{0}, []string{""}
	for s.more() {
		s.blank()
		switch {
		case !s.more():
		case s.text[s.pos] == '[':
			at := s.pos
			path := s.header()
			starts = append(starts, commentAbove(text, at))
			paths = append(paths, path)
		default:
			s.pair("")
		}
	}
	var blocks []Block
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		if part := text[start:end]; i > 0 || strings.TrimSpace(part) != "" {
			blocks = append(blocks, Block{firstKey(paths[i]), paths[i], part})
		}
	}
	return blocks
}

// commentAbove is where the comment lines begin that end directly above at; at itself when there are none.
func commentAbove(text string, at int) int {
	at = strings.LastIndexByte(text[:at], '\n') + 1
	for at > 0 {
		before := strings.LastIndexByte(text[:at-1], '\n') + 1
		if !strings.HasPrefix(strings.TrimLeft(text[before:at], " \t"), "#") {
			break
		}
		at = before
	}
	return at
}

func firstKey(path string) string {
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return path[:end]
	}
	return path
}
