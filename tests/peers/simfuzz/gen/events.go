package gen

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Events draws up to n things that happen to a cluster, as options of crm_simulate.
func Events(doc *cibxml.Element, r *Rand, n int) []string {
	if doc.Child("configuration") == nil {
		return nil
	}
	s := look(doc, "")
	var args []string
	for ; n > 0; n-- {
		switch r.Intn(12) {
		case 0:
			args = append(args, "-u", s.moving(r))
		case 1:
			args = append(args, "-d", s.moving(r))
		case 2:
			args = append(args, "-f", s.moving(r))
		case 3, 4, 5:
			args = append(args, "-i", s.operation(r, "start", "stop", "monitor", "monitor", "monitor", "promote", "demote"))
		case 6, 7, 8:
			args = append(args, "-F", s.operation(r, "start", "start", "stop", "stop", "monitor", "monitor", "promote", "demote", "migrate_to", "migrate_from"))
		case 9:
			args = append(args, "-q", One(r, "true", "false"))
		case 10:
			args = append(args, One(r, "-g", "-r", "-b", "-e"), One(r, "ticketA", "ticketB"))
		case 11:
			args = append(args, "-w", boolean(r))
		}
	}
	return args
}

// moving is a node that joins or leaves, now and then a remote or guest node.
func (s *survey) moving(r *Rand) string {
	if r.Chance(20) {
		return s.node(r)
	}
	return s.fullNode(r)
}

// Views draws options for what else is shown of a result.
func Views(r *Rand) []string {
	if !r.Chance(30) {
		return nil
	}
	args := []string{One(r, "-a", "-A", "-c", "--text-fancy", "--output-as=xml", "--output-as=xml")}
	if r.Chance(30) {
		args = append(args, One(r, "-A", "-c", "-Q"))
	}
	return args
}

// operation is one of these operations with a result, on some node.
func (s *survey) operation(r *Rand, tasks ...string) string {
	task, interval := One(r, tasks...), 0
	if task == "monitor" {
		interval = One(r, 0, 10000, 10000, 20000)
	}
	return s.instance(r) + "_" + task + "_" + strconv.Itoa(interval) + "@" + s.node(r) + "=" + One(r, "0", "1", "1", "5", "7", "7", "8", "9", "6")
}
