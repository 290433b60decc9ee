package xpath

import (
	"fmt"
	"slices"
	"strconv"
)

// maxNesting bounds how deeply an expression may be nested, so that a hostile one cannot exhaust the stack.
const maxNesting = 64

type parser struct {
	toks []token
	pos  int
	deep int
}

func parse(src string) (expr, error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	e, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	if p.peek().kind != tokEnd {
		return nil, fmt.Errorf("unexpected %q", p.peek().text)
	}
	return e, nil
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) is(kind byte, text string) bool {
	t := p.peek()
	return t.kind == kind && t.text == text
}

func (p *parser) accept(kind byte, text string) bool {
	if !p.is(kind, text) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(text string) error {
	if !p.accept(tokSymbol, text) {
		return fmt.Errorf("expected %q instead of %q", text, p.peek().text)
	}
	return nil
}

// levels are the binary operators from the loosest to the tightest.
var levels = [][]string{
	{"or"}, {"and"}, {"=", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "div", "mod"},
}

func (p *parser) binary(level int) (expr, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && p.peek().kind == tokOp && slices.Contains(levels[level], p.peek().text) {
		op := p.peek().text
		p.pos++
		var right expr
		right, err = p.binary(level + 1)
		left = &binary{op, left, right}
	}
	return left, err
}

func (p *parser) unary() (expr, error) {
	minus := 0
	for p.accept(tokOp, "-") {
		minus++
	}
	e, err := p.union()
	if err != nil || minus == 0 {
		return e, err
	}
	if minus%2 == 0 {
		return &binary{"+", e, number(0)}, nil
	}
	return &binary{"-", number(0), e}, nil
}

func (p *parser) union() (expr, error) {
	first, err := p.path()
	if err != nil || !p.is(tokOp, "|") {
		return first, err
	}
	u := &union{[]expr{first}}
	for p.accept(tokOp, "|") {
		e, err := p.path()
		if err != nil {
			return nil, err
		}
		u.parts = append(u.parts, e)
	}
	return u, nil
}

// path parses a location path, or a primary expression that may be followed by predicates and steps.
func (p *parser) path() (expr, error) {
	if p.deep++; p.deep > maxNesting {
		return nil, fmt.Errorf("expression is nested deeper than %d", maxNesting)
	}
	defer func() { p.deep-- }()
	if p.accept(tokOp, "/") {
		if !p.stepFollows() {
			return &path{absolute: true}, nil
		}
		return p.steps(&path{absolute: true})
	}
	if p.accept(tokOp, "//") {
		return p.steps(&path{absolute: true, steps: []*step{anywhere()}})
	}
	if !p.primaryFollows() {
		return p.steps(&path{})
	}
	primary, err := p.primary()
	if err != nil {
		return nil, err
	}
	predicates, err := p.predicates()
	if err != nil {
		return nil, err
	}
	if len(predicates) > 0 {
		primary = &filter{primary, predicates}
	}
	switch {
	case p.accept(tokOp, "/"):
		return p.steps(&path{from: primary})
	case p.accept(tokOp, "//"):
		return p.steps(&path{from: primary, steps: []*step{anywhere()}})
	}
	return primary, nil
}

// anywhere is the step that "//" stands for.
func anywhere() *step { return &step{axis: "descendant-or-self", test: test{kind: "node"}} }

func (p *parser) stepFollows() bool {
	t := p.peek()
	return t.kind == tokName || t.kind == tokSymbol && (t.text == "." || t.text == ".." || t.text == "@")
}

// primaryFollows tells a function call, number, string or parenthesis from a step.
func (p *parser) primaryFollows() bool {
	switch t := p.peek(); t.kind {
	case tokNumber, tokLiteral:
		return true
	case tokSymbol:
		return t.text == "("
	case tokName:
		after := p.toks[p.pos+1]
		return after.kind == tokSymbol && after.text == "(" && !isNodeType(t.text)
	}
	return false
}

func isNodeType(name string) bool {
	return name == "node" || name == "text" || name == "comment" || name == "processing-instruction"
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	p.pos++
	switch t.kind {
	case tokNumber:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, fmt.Errorf("number %q: %w", t.text, err)
		}
		return number(f), nil
	case tokLiteral:
		return literal(t.text), nil
	case tokName:
		return p.call(t.text)
	}
	e, err := p.binary(0)
	if err != nil {
		return nil, err
	}
	return e, p.expect(")")
}

func (p *parser) call(name string) (expr, error) {
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("there is no function %s()", name)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	c := &call{name: name, fn: f}
	for !p.accept(tokSymbol, ")") {
		if len(c.args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		arg, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, arg)
	}
	if len(c.args) < f.min || len(c.args) > f.max {
		return nil, fmt.Errorf("function %s() does not take %d arguments", name, len(c.args))
	}
	return c, nil
}

func (p *parser) predicates() ([]expr, error) {
	var all []expr
	for p.accept(tokSymbol, "[") {
		e, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (p *parser) steps(into *path) (expr, error) {
	for {
		s, err := p.step()
		if err != nil {
			return nil, err
		}
		into.add(s)
		switch {
		case p.accept(tokOp, "//"):
			into.add(anywhere())
		case !p.accept(tokOp, "/"):
			return into, nil
		}
	}
}

func (p *parser) step() (*step, error) {
	switch {
	case p.accept(tokSymbol, "."):
		return &step{axis: "self", test: test{kind: "node"}}, nil
	case p.accept(tokSymbol, ".."):
		return &step{axis: "parent", test: test{kind: "node"}}, nil
	}
	s := &step{axis: "child"}
	if p.accept(tokSymbol, "@") {
		s.axis = "attribute"
	} else if after := p.toks[min(p.pos+1, len(p.toks)-1)]; p.peek().kind == tokName && after.kind == tokSymbol && after.text == "::" {
		s.axis = p.peek().text
		p.pos += 2
		if _, ok := axes[s.axis]; !ok {
			return nil, fmt.Errorf("there is no axis %s", s.axis)
		}
	}
	t := p.peek()
	if t.kind != tokName {
		return nil, fmt.Errorf("expected a name instead of %q", t.text)
	}
	p.pos++
	s.test.name = t.text
	if isNodeType(t.text) && p.accept(tokSymbol, "(") {
		s.test = test{kind: t.text}
		if t.text == "processing-instruction" && p.peek().kind == tokLiteral {
			p.pos++
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	var err error
	s.predicates, err = p.predicates()
	return s, err
}
