// Package exposition writes metrics in Prometheus's text format.
package exposition

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Page is a set of metrics. The zero value is empty.
type Page struct {
	families []*Family
	byName   map[string]*Family
}

// Family is a metric with all its samples.
type Family struct {
	name, help, kind string
	samples          []string
}

func (p *Page) family(name, help, kind string) *Family {
	if f := p.byName[name]; f != nil {
		return f
	}
	f := &Family{name: name, help: help, kind: kind}
	if p.byName == nil {
		p.byName = make(map[string]*Family)
	}
	p.byName[name] = f
	p.families = append(p.families, f)
	return f
}

// Gauge is a metric that goes up and down. The same name is the same metric.
func (p *Page) Gauge(name, help string) *Family { return p.family(name, help, "gauge") }

// Counter is a metric that only grows while its process runs.
func (p *Page) Counter(name, help string) *Family { return p.family(name, help, "counter") }

// Add adds a sample. labels are names and values in turn.
func (f *Family) Add(value float64, labels ...string) {
	var b strings.Builder
	b.WriteString(f.name)
	for i := 0; i+1 < len(labels); i += 2 {
		b.WriteByte(",{"[b2i(i == 0)])
		b.WriteString(labels[i] + `="` + escape(labels[i+1]) + `"`)
	}
	if len(labels) > 1 {
		b.WriteByte('}')
	}
	f.samples = append(f.samples, b.String()+" "+number(value))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Set adds a sample of 1 or 0.
func (f *Family) Set(yes bool, labels ...string) { f.Add(float64(b2i(yes)), labels...) }

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

func escape(s string) string { return escapes.Replace(s) }

func number(v float64) string {
	switch {
	case math.IsInf(v, 1):
		return "+Inf"
	case math.IsInf(v, -1):
		return "-Inf"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Text is the page. Metrics stand in the order in which they were first named, their samples sorted.
func (p *Page) Text() string {
	var b strings.Builder
	for _, f := range p.families {
		if len(f.samples) == 0 {
			continue
		}
		b.WriteString("# HELP " + f.name + " " + strings.ReplaceAll(f.help, "\n", " ") + "\n# TYPE " + f.name + " " + f.kind + "\n")
		for _, s := range slices.Sorted(slices.Values(f.samples)) {
			b.WriteString(s + "\n")
		}
	}
	return b.String()
}

// Only is the part of a page's text whose metrics have the prefix.
func Only(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name := strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE ")
		if strings.HasPrefix(name, prefix) {
			b.WriteString(line)
		}
	}
	return b.String()
}
