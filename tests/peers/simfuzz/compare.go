package simfuzz

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Difference is what two answers to the same input do not have in common.
type Difference struct {
	// Parts names the outputs that differ, most telling first.
	Parts []string
	// Text shows the lines.
	Text string
}

// Same reports whether there is no difference.
func (d Difference) Same() bool { return len(d.Parts) == 0 }

func (d Difference) has(part string) bool { return slices.Contains(d.Parts, part) }

var (
	notices  = []string{"Setting effective cluster time", "Schema validation of configuration is disabled"}
	volatile = regexp.MustCompile(`(crm_feature_set|batch-limit|cib-last-written|last-rc-change|last-run|crm-debug-origin|update-origin|update-client|update-user|have-quorum|num_updates|exec-time|queue-time)="[^"]*" ?`)
	// request is how XML output repeats the command, with the names of temporary files.
	request = regexp.MustCompile(`(<pacemaker-result [^>]*request=)"[^"]*"`)
	moment  = regexp.MustCompile(`(last-failure-[^"]*" name="[^"]*" value=)"[^"]*"`)
)

// Compare tells what differs in the answers of the peer and of Holdfast.
func Compare(peer, ours Answer) Difference {
	var d Difference
	if ours.Exit == crashed {
		return Difference{[]string{"crash"}, ours.Note}
	}
	if (peer.Exit == 0) != (ours.Exit == 0) {
		d.add("exit", fmt.Sprintf("peer %d %s", peer.Exit, peer.Note), fmt.Sprintf("ours %d %s", ours.Exit, ours.Note))
		if peer.Exit == 78 || ours.Exit == 78 {
			return d
		}
	}
	if peer.Exit == 78 {
		return d
	}
	for i, p := range peer.Parts() {
		d.add(p.Name, p.Text, ours.Parts()[i].Text)
	}
	return d
}

// Part is one output, without what is never the same twice.
type Part struct{ Name, Text string }

// Parts are the outputs, the most telling first.
func (a Answer) Parts() []Part {
	summary, scores := split(request.ReplaceAllString(a.Text, `$1""`))
	return []Part{{"dot", sorted(a.Dot)}, {"scores", sorted(scores)}, {"graph", volatile.ReplaceAllString(a.Graph, "")},
		{"summary", summary}, {"cib", volatile.ReplaceAllString(moment.ReplaceAllString(a.Cib, "$1"), "")}}
}

func sorted(text string) string {
	all := lines(text)
	slices.Sort(all)
	return strings.Join(all, "\n")
}

var score = regexp.MustCompile(`^(pcmk__\S+: | *\* pcmk__)|( allocation score on |promotion score on |capacity:|utilization on )`)

// split takes the scores out of a text.
func split(text string) (summary, scores string) {
	var a, b strings.Builder
	for l := range strings.Lines(text) {
		if score.MatchString(l) {
			b.WriteString(l)
		} else {
			a.WriteString(secondOf.ReplaceAllString(l, "$1"))
		}
	}
	return a.String(), b.String()
}

// secondOf finds times of the real clock.
var secondOf = regexp.MustCompile(`(last-failure-\S+=)[0-9]+`)

func lines(text string) []string {
	var all []string
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\n ")
		if l != "" && !slices.ContainsFunc(notices, func(n string) bool { return strings.HasPrefix(l, n) }) {
			all = append(all, l)
		}
	}
	return all
}

func (d *Difference) add(part, peer, ours string) {
	a, b := lines(peer), lines(ours)
	if slices.Equal(a, b) {
		return
	}
	d.Parts = append(d.Parts, part)
	d.Text += "=== " + part + " (- peer, + ours)\n" + diff(a, b)
}

// diff shows two lists as their longest common subsequence leaves them, bounded in length.
func diff(a, b []string) string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > 1500 || len(b) > 1500 {
		return fmt.Sprintf("%d lines against %d\n", len(a), len(b))
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out.WriteString("- " + a[i] + "\n")
			i++
		default:
			out.WriteString("+ " + b[j] + "\n")
			j++
		}
	}
	return out.String()
}
