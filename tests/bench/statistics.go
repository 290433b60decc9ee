package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
)

// summary describes a set of samples.
type summary struct {
	N      int     `json:"n"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// summarize needs at least one sample. The 99th percentile is by nearest rank: of fewer than 100 samples it is
// the largest.
func summarize(samples []float64) summary {
	s := slices.Sorted(slices.Values(samples))
	n := len(s)
	median := s[n/2]
	if n%2 == 0 {
		median = (s[n/2-1] + s[n/2]) / 2
	}
	rank := int(math.Ceil(0.99 * float64(n)))
	return summary{N: n, Min: round(s[0]), Median: round(median), P99: round(s[rank-1]), Max: round(s[n-1])}
}

func round(x float64) float64 { return math.Round(x*100) / 100 }

// line is one measurement as it is printed.
type line struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	summary
	// Peer is the same measurement of the peer in the same run, Ratio our median to its.
	Peer     *summary `json:"peer,omitempty"`
	PeerName string   `json:"peer_name,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"`
	Note     string   `json:"note,omitempty"`
}

// samples of one stack, by measurement.
type samples struct {
	order []string
	units map[string]string
	of    map[string][]float64
}

func newSamples() *samples { return &samples{units: map[string]string{}, of: map[string][]float64{}} }

func (s *samples) add(name, unit string, value float64) {
	if s.of[name] == nil {
		s.order = append(s.order, name)
		s.units[name] = unit
	}
	s.of[name] = append(s.of[name], value)
}

// report prints a line for each measurement of ours, or of the peer where there is none of ours.
func report(w io.Writer, ours, peers *samples, peerName string) error {
	names := slices.Clone(ours.order)
	for _, name := range peers.order {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		var l line
		mine, theirs := ours.of[name], peers.of[name]
		switch {
		case len(mine) > 0 && len(theirs) > 0:
			l = line{Name: name, Unit: ours.units[name], summary: summarize(mine)}
			p := summarize(theirs)
			l.Peer, l.PeerName = &p, peerName
			if p.Median != 0 {
				ratio := round(l.Median / p.Median)
				l.Ratio = &ratio
			}
		case len(mine) > 0:
			l = line{Name: name, Unit: ours.units[name], summary: summarize(mine)}
		default:
			l = line{Name: name, Unit: peers.units[name], summary: summarize(theirs), Note: "measured with " + peerName + " alone"}
		}
		raw, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
		if _, err := fmt.Fprintf(w, "%s\n", raw); err != nil {
			return err
		}
	}
	return nil
}
