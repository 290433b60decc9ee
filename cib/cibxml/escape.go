package cibxml

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// unescape resolves entities. In an attribute, literal white space becomes a blank as XML 1.0 §3.3.3 says.
func (p *parser) unescape(raw string, attribute bool) (string, error) {
	special := "&\r"
	if attribute {
		special = "&\r\n\t"
	}
	if !strings.ContainsAny(raw, special) && !hasControl(raw) {
		return raw, nil
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		switch {
		case c == '&':
			r, n, err := p.entity(raw[i:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += n
			continue
		case c == '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			c = '\n'
			fallthrough
		case c == '\n' || c == '\t':
			if attribute {
				c = ' '
			}
		case c < 0x20:
			return "", p.errorf("character 0x%02x is not allowed", c)
		}
		b.WriteByte(c)
		i++
	}
	return b.String(), nil
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' {
			return true
		}
	}
	return false
}

// entity decodes the reference at the start of s and returns its length.
func (p *parser) entity(s string) (rune, int, error) {
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 0 {
		return 0, 0, p.errorf("\"&\" is not followed by an entity")
	}
	name := s[1:end]
	switch name {
	case "lt":
		return '<', end + 1, nil
	case "gt":
		return '>', end + 1, nil
	case "amp":
		return '&', end + 1, nil
	case "quot":
		return '"', end + 1, nil
	case "apos":
		return '\'', end + 1, nil
	}
	if digits, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err == nil && validChar(rune(n)) && n <= utf8.MaxRune {
			return rune(n), end + 1, nil
		}
	}
	return 0, 0, p.errorf("entity &%s; is not known", name)
}

func validChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && utf8.ValidRune(r) && r != 0xFFFE && r != 0xFFFF
}

// escapeExact writes an attribute value so that parsing it gives the same value again. Apostrophes need no
// escape between double quotes.
func escapeExact(b *strings.Builder, s string, apostrophes bool) {
	last := 0
	for i := 0; i < len(s); i++ {
		var rep string
		switch s[i] {
		case '&':
			rep = "&amp;"
		case '<':
			rep = "&lt;"
		case '>':
			rep = "&gt;"
		case '"':
			rep = "&quot;"
		case '\'':
			if !apostrophes {
				continue
			}
			rep = "&apos;"
		case '\t':
			rep = "&#9;"
		case '\n':
			rep = "&#10;"
		case '\r':
			rep = "&#13;"
		default:
			continue
		}
		b.WriteString(s[last:i])
		b.WriteString(rep)
		last = i + 1
	}
	b.WriteString(s[last:])
}

// AppendPacemaker appends an attribute value as Pacemaker 2.1 writes it, including that it cannot be read
// back: a line feed becomes backslash-n, and from the first multi-byte character on nothing is escaped.
// Digests are computed over this form.
func AppendPacemaker(b []byte, s string) []byte {
	plain := 0 // the first byte that has not been appended
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0xC0 {
			break
		}
		if c >= 0x20 && c <= 0x7e && c != '&' && c != '<' && c != '>' && c != '"' && c != '\'' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch c {
		case '&':
			b = append(b, "&amp;"...)
		case '<':
			b = append(b, "&lt;"...)
		case '>':
			b = append(b, "&gt;"...)
		case '"':
			b = append(b, "&quot;"...)
		case '\'':
			b = append(b, "&apos;"...)
		case '\t':
			b = append(b, "    "...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		}
	}
	return append(b, s[plain:]...)
}
