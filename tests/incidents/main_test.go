// Package incidents replays the five post-mortems that Holdfast exists for, from recorded inputs through the real
// sampler, detectors and incidents, and in the lab.
package incidents

import (
	"testing"

	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }
