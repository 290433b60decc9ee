package ticket

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// list lists tickets: those that have a state or are needed by a constraint.
func (c *call) list(doc *cibxml.Element) error {
	var ids []string
	for e := range doc.Child("status").Child("tickets").Tags("ticket_state") {
		ids = append(ids, e.ID())
	}
	for e := range doc.Child("configuration").Child("constraints").Tags("rsc_ticket") {
		ids = append(ids, e.Get("ticket"))
	}
	ids = slices.DeleteFunc(hashorder.Of(ids), func(id string) bool { return id == "" })
	if c.ticket != "" {
		if !slices.Contains(ids, c.ticket) {
			return c.noTicket()
		}
		ids = []string{c.ticket}
	}
	for _, id := range ids {
		if c.command == "raw" {
			c.out.Printf("%s\n", id)
		} else {
			c.out.Printf("%s\n", line(id, state(doc, id), c.command == "details"))
		}
	}
	return nil
}

// line describes a ticket.
func line(id string, e *cibxml.Element, details bool) string {
	word, pad := "revoked", "          "
	if scalar.IsTrue(e.Get("granted")) {
		word = "granted"
	}
	text := id + "\t" + word
	if scalar.IsTrue(e.Get("standby")) {
		text += " [standby]"
	} else {
		text += pad
	}
	if !details {
		if sec := seconds(e.Get("last-granted")); sec > 0 {
			text += " last-granted='" + time.Unix(sec, 0).Format(time.ANSIC) + "'"
		}
		return text
	}
	values := map[string]string{}
	var names []string
	if e != nil {
		for _, a := range e.Attrs {
			if a.Name != "id" {
				names = append(names, a.Name)
				values[a.Name] = a.Value
			}
		}
	}
	var list []string
	for _, name := range hashorder.Of(names) {
		value := values[name]
		if sec := seconds(value); sec > 0 && (name == "last-granted" || name == "expires") {
			value = "'" + time.Unix(sec, 0).Format(time.ANSIC) + "'"
		}
		list = append(list, name+"="+value)
	}
	if len(list) > 0 {
		text += " (" + strings.Join(list, ", ") + ")"
	}
	return text
}

func seconds(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// query shows the state of one ticket or of all, after two lines that booth skips.
func (c *call) query(doc *cibxml.Element) error {
	e := doc.Child("status").Child("tickets")
	if c.ticket != "" {
		e = state(doc, c.ticket)
	}
	if e == nil {
		return program.Faultf(api.CodeNoSuchObject, "Could not query ticket XML: No such device or address")
	}
	c.out.Printf("State XML:\n\n%s", e.Format(cibxml.Style{Indent: true}))
	return nil
}

// constraints shows the constraints with the ticket, or with any.
func (c *call) constraints(doc *cibxml.Element) error {
	var found []*cibxml.Element
	for e := range doc.Child("configuration").Child("constraints").Tags("rsc_ticket") {
		if c.ticket == "" || e.Get("ticket") == c.ticket {
			found = append(found, e)
		}
	}
	if len(found) == 0 {
		return program.Faultf(api.CodeNoSuchObject, "Could not show ticket constraints: No such device or address")
	}
	e := found[0]
	if len(found) > 1 {
		e = cibxml.New("xpath-query").Append(found...)
	}
	c.out.Printf("Constraints XML:\n\n%s", e.Format(cibxml.Style{Indent: true}))
	return nil
}
