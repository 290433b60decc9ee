// Package rule translates between the rules of a configuration and the one-line expressions in which people
// write them, which are those of pcs.
package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// comparisons are the operations of a node attribute expression with a value.
var comparisons = []string{"lt", "gt", "lte", "gte", "eq", "ne"}

// valueTypes are the types that a comparison can be made in.
var valueTypes = []string{"string", "integer", "number", "version"}

// Parse reads an expression and makes the rule with that id. Examples:
//
//	pingd lt 1 or not_defined pingd
//	#uname eq n1 and (date gt 2026-12-01 or date-spec hours=9-16 weekdays=1-5)
//	date in_range 2026-01-01 to 2026-02-01
//	date in_range 2026-01-01 to duration months=1
//	resource ocf:heartbeat:IPaddr2 and op monitor interval=10s
func Parse(text, id string) (*cibxml.Element, error) {
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	p := &parser{words: words}
	node, err := p.or()
	if err == nil && p.more() {
		err = fmt.Errorf("%q is not expected here; join expressions with and, or", p.words[p.pos].text)
	}
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", text, err)
	}
	if node.operator == "" {
		node = &tree{operator: "and", parts: []*tree{node}}
	}
	return node.element(id), nil
}

// word is a piece of an expression. A quoted word is never a keyword.
type word struct {
	text   string
	quoted bool
}

func split(text string) ([]word, error) {
	var words []word
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '(' || c == ')':
			words = append(words, word{text: text[i : i+1]})
			i++
		case c == '"':
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("rule %q: a quote is not closed", text)
			}
			words = append(words, word{text[i+1 : i+1+end], true})
			i += end + 2
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t\n()", rune(text[end])) {
				end++
			}
			words = append(words, word{text: text[i:end]})
			i = end
		}
	}
	return words, nil
}

// tree is a parsed expression: and, or with parts, or one expression.
type tree struct {
	operator string
	parts    []*tree
	leaf     func(id string) *cibxml.Element
}

// element makes a rule. Expressions in it are numbered from the second on.
func (t *tree) element(id string) *cibxml.Element {
	e := cibxml.New("rule", "id", id, "boolean-op", t.operator)
	expressions, rules := 0, 0
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return "-" + strconv.Itoa(n)
	}
	for _, p := range t.parts {
		if p.operator != "" {
			e.Append(p.element(id + "-rule" + number(rules)))
			rules++
			continue
		}
		e.Append(p.leaf(id + "-expr" + number(expressions)))
		expressions++
	}
	return e
}

type parser struct {
	words []word
	pos   int
}

func (p *parser) more() bool { return p.pos < len(p.words) }

// is reports whether the next word is that keyword, and takes it.
func (p *parser) is(keyword string) bool {
	if p.more() && !p.words[p.pos].quoted && p.words[p.pos].text == keyword {
		p.pos++
		return true
	}
	return false
}

// take returns the next word, whatever it is.
func (p *parser) take(what string) (string, error) {
	if !p.more() {
		return "", fmt.Errorf("%s is missing at the end", what)
	}
	w := p.words[p.pos]
	if !w.quoted && (w.text == "(" || w.text == ")") {
		return "", fmt.Errorf("%s is missing before %q", what, w.text)
	}
	p.pos++
	return w.text, nil
}

func (p *parser) or() (*tree, error)  { return p.joined("or", p.and) }
func (p *parser) and() (*tree, error) { return p.joined("and", p.term) }

// joined reads one or several parts with the operator between them.
func (p *parser) joined(operator string, part func() (*tree, error)) (*tree, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	parts := []*tree{first}
	for p.is(operator) {
		next, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return &tree{operator: operator, parts: parts}, nil
}

func (p *parser) term() (*tree, error) {
	if p.is("(") {
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.is(")") {
			return nil, fmt.Errorf("a closing parenthesis is missing")
		}
		return inner, nil
	}
	leaf, err := p.expression()
	if err != nil {
		return nil, err
	}
	return &tree{leaf: leaf}, nil
}

func (p *parser) expression() (func(id string) *cibxml.Element, error) {
	switch {
	case p.is("defined"):
		return p.definition("defined")
	case p.is("not_defined"):
		return p.definition("not_defined")
	case p.is("date"):
		return p.date()
	case p.is("date-spec"):
		return p.dateSpec()
	case p.is("resource"):
		return p.resource()
	case p.is("op"):
		return p.operation()
	}
	return p.comparison()
}

func (p *parser) definition(operation string) (func(id string) *cibxml.Element, error) {
	attribute, err := p.take("the attribute after " + operation)
	if err != nil {
		return nil, err
	}
	return func(id string) *cibxml.Element {
		return cibxml.New("expression", "id", id, "attribute", attribute, "operation", operation)
	}, nil
}

func (p *parser) comparison() (func(id string) *cibxml.Element, error) {
	attribute, err := p.take("an expression")
	if err != nil {
		return nil, err
	}
	operation, err := p.take("the comparison after " + strconv.Quote(attribute))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(comparisons, operation) {
		return nil, fmt.Errorf("%q is not a comparison; after a node attribute comes one of %s", operation, strings.Join(comparisons, ", "))
	}
	kind := ""
	for _, k := range valueTypes {
		if p.pos+1 < len(p.words) && !isJoin(p.words[p.pos+1]) && p.is(k) {
			kind = k
		}
	}
	value, err := p.take("the value to compare " + attribute + " with")
	if err != nil {
		return nil, err
	}
	return func(id string) *cibxml.Element {
		e := cibxml.New("expression", "id", id, "attribute", attribute, "operation", operation)
		if kind != "" {
			e.Set("type", kind)
		}
		e.Set("value", value)
		return e
	}, nil
}

// isJoin reports whether a word ends an expression, so that the word before it is a value and not a type.
func isJoin(w word) bool {
	return !w.quoted && (w.text == "and" || w.text == "or" || w.text == ")")
}
