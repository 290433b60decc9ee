package sbdformat

import (
	"bytes"
	"fmt"
	"strings"
)

// Message is what a mailbox holds.
type Message int8

const (
	Clear Message = iota
	Test
	Reset
	Off
	Exit
	Crashdump
)

var messages = []string{Clear: "clear", Test: "test", Reset: "reset", Off: "off", Exit: "exit", Crashdump: "crashdump"}

// String is sbd's word for the message.
func (m Message) String() string {
	if m < 0 || int(m) >= len(messages) {
		return "undefined"
	}
	return messages[m]
}

// ParseMessage reads sbd's word.
func ParseMessage(s string) (Message, error) {
	for i, name := range messages {
		if s == name {
			return Message(i), nil
		}
	}
	return 0, fmt.Errorf("there is no message %q; known are %s", s, strings.Join(messages, ", "))
}

// Ends reports whether the message ends the life of the node that reads it.
func (m Message) Ends() bool { return m == Reset || m == Off || m == Crashdump }

// Slot says which node owns a slot.
type Slot struct {
	InUse bool
	Name  string
}

// Sector is the slot as it is on the disk.
func (s Slot) Sector(size int) []byte {
	b := make([]byte, size)
	if s.InUse {
		b[0] = 1
	}
	copy(b[1:nameField], s.Name)
	return b
}

// ReadSlot understands a slot's sector.
func ReadSlot(b []byte) Slot { return Slot{InUse: b[0] != 0, Name: name(b)} }

// Mailbox is the message that waits for a node.
type Mailbox struct {
	Message Message
	From    string
}

// Sector is the mailbox as it is on the disk.
func (m Mailbox) Sector(size int) []byte {
	b := make([]byte, size)
	b[0] = byte(m.Message)
	copy(b[1:nameField], m.From)
	return b
}

// ReadMailbox understands a mailbox's sector.
func ReadMailbox(b []byte) Mailbox { return Mailbox{Message: Message(b[0]), From: name(b)} }

// name is the name in a sector. Its field ends with a NUL; without one the bytes before that count, as SameName has it.
func name(b []byte) string {
	field := b[1:nameField]
	if i := bytes.IndexByte(field, 0); i >= 0 {
		field = field[:i]
	}
	return string(field)
}

// CheckName refuses names that do not fit into a slot.
func CheckName(s string) error {
	if s == "" || len(s) > MaxName || strings.ContainsAny(s, "\x00\n\t") {
		return fmt.Errorf("node name %q does not fit into a slot: it must have 1 to %d bytes, no tab and no line break", s, MaxName)
	}
	return nil
}

// SameName compares names as sbd does: their first 63 bytes, without regard to case.
func SameName(a, b string) bool { return strings.EqualFold(clip(a), clip(b)) }

func clip(s string) string { return s[:min(len(s), MaxName)] }

// Entry is a used slot with its mailbox.
type Entry struct {
	Slot int
	Name string
	Mailbox
}

// Entries lists the used slots in an image of the device's first Sectors sectors.
func Entries(image []byte, sector int) []Entry {
	at := func(n int) []byte { return image[n*sector : (n+1)*sector] }
	var list []Entry
	for n := range Slots {
		if s := ReadSlot(at(SlotSector(n))); s.InUse {
			list = append(list, Entry{Slot: n, Name: s.Name, Mailbox: ReadMailbox(at(MailboxSector(n)))})
		}
	}
	return list
}

// Find is the node's entry, false when it has no slot. The first of several wins, as in sbd.
func Find(entries []Entry, node string) (Entry, bool) {
	for _, e := range entries {
		if SameName(e.Name, node) {
			return e, true
		}
	}
	return Entry{}, false
}

// Free is the first slot that no entry uses, -1 when all are taken.
func Free(entries []Entry) int {
	used := make(map[int]bool, len(entries))
	for _, e := range entries {
		used[e.Slot] = true
	}
	for n := range Slots {
		if !used[n] {
			return n
		}
	}
	return -1
}

// Delivered reports whether a message counts when ok of the configured devices took it: more than half must
// have, because a node may go on without the others.
func Delivered(ok, configured int) bool { return ok > configured/2 }

// Connected reports whether a node that reads good of the configured devices is sure to see a delivered
// message. With two devices one is enough, because a message needs both.
func Connected(good, configured int) bool {
	if configured < MaxDevices {
		return good > 0
	}
	return good > configured/2
}
