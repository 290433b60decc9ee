package xpath

import (
	"fmt"
	"strings"
)

// token is a piece of an expression. Kind is one of the letters below.
type token struct {
	kind byte
	text string
	at   int
}

// Kinds of token. Operators that are words (and, or, div, mod) are operators like the others.
const (
	tokEnd     = 'e'
	tokName    = 'n' // an element, attribute, axis or function name, or a name test such as "*"
	tokNumber  = '0'
	tokLiteral = '"'
	tokSymbol  = 's' // ( ) [ ] . .. @ , ::
	tokOp      = 'o'
)

func lex(src string) ([]token, error) {
	var toks []token
	for pos := 0; ; {
		for pos < len(src) && strings.IndexByte(" \t\r\n", src[pos]) >= 0 {
			pos++
		}
		if pos >= len(src) {
			return append(toks, token{tokEnd, "", pos}), nil
		}
		t, err := next(src, pos, operandEnded(toks))
		if err != nil {
			return nil, err
		}
		pos = t.at + len(t.text)
		if t.kind == tokLiteral {
			t.text = t.text[1 : len(t.text)-1]
		}
		toks = append(toks, t)
	}
}

// operandEnded reports whether an operator may follow; XPath 1.0 §3.7 tells "*" and the operator words from
// names by this.
func operandEnded(toks []token) bool {
	if len(toks) == 0 {
		return false
	}
	switch last := toks[len(toks)-1]; last.kind {
	case tokOp:
		return false
	case tokSymbol:
		return last.text == ")" || last.text == "]" || last.text == "." || last.text == ".."
	}
	return true
}

func next(src string, pos int, afterOperand bool) (token, error) {
	rest := src[pos:]
	for _, s := range []string{"::", "..", "(", ")", "[", "]", "@", ","} {
		if strings.HasPrefix(rest, s) {
			return token{tokSymbol, s, pos}, nil
		}
	}
	for _, s := range []string{"//", "<=", ">=", "!=", "/", "|", "+", "-", "=", "<", ">"} {
		if strings.HasPrefix(rest, s) {
			return token{tokOp, s, pos}, nil
		}
	}
	c := rest[0]
	switch {
	case c == '*' && afterOperand:
		return token{tokOp, "*", pos}, nil
	case c == '*':
		return token{tokName, "*", pos}, nil
	case c == '"' || c == '\'':
		end := strings.IndexByte(rest[1:], c)
		if end < 0 {
			return token{}, fmt.Errorf("string %s is not closed", rest)
		}
		return token{tokLiteral, rest[:end+2], pos}, nil
	case digit(c) || c == '.' && len(rest) > 1 && digit(rest[1]):
		n := 0
		for n < len(rest) && (digit(rest[n]) || rest[n] == '.' && strings.IndexByte(rest[:n], '.') < 0) {
			n++
		}
		return token{tokNumber, rest[:n], pos}, nil
	case c == '.':
		return token{tokSymbol, ".", pos}, nil
	}
	name := nameAt(rest)
	if name == "" {
		return token{}, fmt.Errorf("unexpected %q", rest)
	}
	switch {
	case afterOperand && (name == "and" || name == "or" || name == "div" || name == "mod"):
		return token{tokOp, name, pos}, nil
	case afterOperand:
		return token{}, fmt.Errorf("unexpected %q", rest)
	}
	return token{tokName, name, pos}, nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// nameAt reads a name, with a prefix when a single colon follows.
func nameAt(s string) string {
	n := plainName(s)
	if n > 0 && n+1 < len(s) && s[n] == ':' && s[n+1] != ':' {
		if s[n+1] == '*' {
			return s[:n+2]
		}
		if m := plainName(s[n+1:]); m > 0 {
			return s[:n+1+m]
		}
	}
	return s[:n]
}

func plainName(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && (digit(s[n]) || s[n] == '-' || s[n] == '.')) {
		n++
	}
	return n
}
