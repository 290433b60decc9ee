package mon

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// knownTickets are the tickets that have a state or are needed, in the order in which Pacemaker's table holds
// them. One without state has been granted to nobody.
func (r *report) knownTickets() []*model.Ticket {
	var ids []string
	for e := range r.m.Doc.Child("status").Child("tickets").Tags("ticket_state") {
		ids = append(ids, e.ID())
	}
	for e := range r.m.Doc.Child("configuration").Child("constraints").Tags("rsc_ticket") {
		ids = append(ids, e.Get("ticket"))
	}
	var list []*model.Ticket
	for _, id := range hashorder.Of(ids) {
		if t := r.m.Tickets[id]; t != nil {
			list = append(list, t)
		} else if id != "" {
			list = append(list, &model.Ticket{ID: id})
		}
	}
	return list
}

func (r *report) tickets() {
	l := &list{r: r, title: "Tickets"}
	for _, t := range r.knownTickets() {
		text := t.ID + ": " + granted(t)
		if t.Standby {
			text += " [standby]"
		}
		if t.LastGranted > 0 {
			text += " last-granted=\"" + unixTime(t.LastGranted) + "\""
		}
		l.item("%s", text)
	}
	l.end()
}

func granted(t *model.Ticket) string {
	if t.Granted {
		return "granted"
	}
	return "revoked"
}

func (r *report) ticketsXML() {
	list := cibxml.New("tickets")
	for _, t := range r.knownTickets() {
		e := cibxml.New("ticket", "id", t.ID, "status", granted(t), "standby", strconv.FormatBool(t.Standby))
		if t.LastGranted > 0 {
			e.Set("last-granted", unixTime(t.LastGranted))
		}
		list.Append(e)
	}
	r.addSome(list)
}

func (r *report) bans() {
	l := &list{r: r, title: "Negative Location Constraints"}
	for _, b := range r.banned() {
		what := "running"
		if b.Role == model.Promoted {
			what = "running in Promoted role"
		}
		l.item("%s\tprevents %s from %s on %s", b.ID, b.Rsc.ID, what, r.view.NodeName(b.Node))
	}
	l.end()
}

func (r *report) bansXML() {
	list := cibxml.New("bans")
	for _, b := range r.banned() {
		promoted := strconv.FormatBool(b.Role == model.Promoted)
		list.Append(cibxml.New("ban", "id", b.ID, "resource", b.Rsc.ID, "node", b.Node.Name, "weight", strconv.Itoa(int(b.Score)),
			"promoted-only", promoted, "master_only", promoted))
	}
	r.addSome(list)
}
