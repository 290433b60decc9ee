package api

// FenceHealth is what one node's fenced knows of its ways to fence while nobody has to be fenced.
type FenceHealth struct {
	Node string `json:"node"`
	// Paths are this node's devices, by id.
	Paths []FenceWay `json:"paths"`
	// Figures are what the history of all nodes says of the devices that were used.
	Figures []FenceFigure `json:"figures"`
}

// FenceWay is the way from a node to a device.
type FenceWay struct {
	Device string `json:"device"`
	Agent  string `json:"agent"`
	Driver string `json:"driver"` // native or legacy
	// OK: the last probe succeeded and nothing else is known against it. A way that was not probed yet is
	// neither OK nor has it a problem.
	OK bool `json:"ok"`
	// Problem is why the way counts as broken, with what to do, "" when it does not.
	Problem string `json:"problem,omitempty"`
	// Since is when OK or Problem changed, Checked when the way was last probed (0: never), Unix ms.
	Since   int64 `json:"since,omitempty"`
	Checked int64 `json:"checked,omitempty"`
	// Took is how long the last probe took in ms.
	Took     int64  `json:"took,omitempty"`
	Probes   uint64 `json:"probes"`
	Failures uint64 `json:"failures"`
}

// FenceFigure is how one device has done on one node. Devices of a level that were used together are one, with
// their names separated by commas.
type FenceFigure struct {
	Device string `json:"device"`
	Node   string `json:"node"` // that used it
	Action string `json:"action"`
	// Succeeded and Failed count operations in the history.
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	// Median and Worst are how long operations took that succeeded, in ms from the request to the proof.
	Median int64 `json:"median"`
	Worst  int64 `json:"worst"`
	Last   int64 `json:"last"` // when the last one ended, Unix ms
}

// FenceBudget is every timeout between the death of a node and the proof that it is fenced, what contradicts what,
// and the worst case.
type FenceBudget struct {
	Settings  []FenceSetting  `json:"settings"`
	Conflicts []FenceConflict `json:"conflicts"` // fatal ones first
	Timelines []FenceTimeline `json:"timelines"`
}

// FenceSetting is a timeout in force.
type FenceSetting struct {
	Name    string `json:"name"`
	Value   int64  `json:"value"` // ms
	Derived bool   `json:"derived,omitempty"`
	Why     string `json:"why"`
}

// FenceConflict is an inequality that does not hold. Fatal ones make fences fail, or succeed wrongly.
type FenceConflict struct {
	Key    string `json:"key"`
	Device string `json:"device,omitempty"`
	Fatal  bool   `json:"fatal,omitempty"`
	Text   string `json:"text"`
}

// FenceTimeline is the worst case for a target; "" is every node without a topology of its own.
type FenceTimeline struct {
	Target  string        `json:"target,omitempty"`
	Moments []FenceMoment `json:"moments"`
}

// FenceMoment is what has happened at the latest At ms after the node's last sign of life.
type FenceMoment struct {
	At   int64  `json:"at"`
	What string `json:"what"`
}
