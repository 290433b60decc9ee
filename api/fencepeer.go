package api

// Paths of fenced's API for the other nodes' fenced, over mutual TLS.
const (
	PathFencePeerQuery   = "/v1/peer/query"   // GET ?target=&action=&self= -> stream of FenceOffers
	PathFencePeerOrder   = "/v1/peer/order"   // POST FenceOrder -> FenceResult
	PathFencePeerFence   = "/v1/peer/fence"   // POST FenceRequest -> FenceResult: a node asks to be fenced itself
	PathFencePeerHistory = "/v1/peer/history" // GET -> []FenceEvent; POST []FenceEvent; DELETE ?target=
)

// FenceOffers is a part of a node's answer to the question which of its devices can fence a target. Devices
// that must be asked first come in later parts.
type FenceOffers struct {
	Offers []FenceOffer `json:"offers,omitempty"`
	// Problems are why devices that might have helped do not, for a person.
	Problems []string `json:"problems,omitempty"`
	// Done marks the last part.
	Done bool `json:"done,omitempty"`
}

// FenceOffer is one device that can fence the target from the node that offers it.
type FenceOffer struct {
	Device   string `json:"device"`
	Verified bool   `json:"verified,omitempty"`
	// Required devices unfence: all of them must succeed for "on".
	Required bool `json:"required,omitempty"`
	// On tells that the device can switch on again what it has switched off.
	On bool `json:"on,omitempty"`
	// Timeouts in ms by action (reboot, off, on); absent is the request's own.
	Timeouts map[string]int64 `json:"timeouts,omitempty"`
	// Notice is how long in ms it may take from an order until the target can do no more. Of two nodes that
	// shoot each other the one that is to go second has to wait for at least that.
	Notice int64 `json:"notice,omitempty"`
	// Delay is the longest delay of the device's own in ms.
	Delay int64 `json:"delay,omitempty"`
}

// FenceOrder tells a node to use one of its devices.
type FenceOrder struct {
	Op      string `json:"op"` // the operation's id
	Device  string `json:"device"`
	Action  string `json:"action"` // reboot, off or on
	Target  string `json:"target"`
	Timeout int64  `json:"timeout"` // ms for the agent, from its start
	// Incarnation is the life of the target that is to end, 0 when that is not known.
	Incarnation Incarnation `json:"incarnation,omitempty"`
	// Delay in ms is waited first, NoDelay leaves out the device's own.
	Delay   int64 `json:"delay,omitempty"`
	NoDelay bool  `json:"no_delay,omitempty"`
	// Wait is how long in ms the order is good for: one that could not be started by then is dropped, because
	// nobody waits for it any more.
	Wait int64 `json:"wait"`
}
