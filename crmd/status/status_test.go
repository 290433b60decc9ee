package status

import (
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

var n1 = NodeOf(1, "n1")

func expect(t *testing.T, s *cibxml.Element, want string) {
	t.Helper()
	if got := s.Compact(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSetState_ChangesOnlyWhatItNames(t *testing.T) {
	s := SetState(nil, n1, Online)
	expect(t, s, `<status><node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"/></status>`)
	s2 := SetState(s, n1, Lost)
	expect(t, s2, `<status><node_state id="1" uname="n1" in_ccm="false" crmd="offline" join="down" expected="member"/></status>`)
	if SetState(s2, n1, Lost) != s2 {
		t.Error("a state that is already there made a new document")
	}
}

func TestSetResource_ReplacesAndRemoves(t *testing.T) {
	s := SetResource(nil, n1, "d1", cibxml.New("lrm_resource", "id", "d1"))
	s = SetResource(s, n1, "d2", cibxml.New("lrm_resource", "id", "d2"))
	s = SetResource(s, n1, "d1", cibxml.New("lrm_resource", "id", "d1", "type", "Dummy"))
	expect(t, s, `<status><node_state id="1" uname="n1"><lrm id="1"><lrm_resources><lrm_resource id="d1" type="Dummy"/><lrm_resource id="d2"/></lrm_resources></lrm></node_state></status>`)
	if Resource(s, n1, "d1").Get("type") != "Dummy" {
		t.Error("lookup")
	}
	s = SetResource(s, n1, "d1", nil)
	expect(t, s, `<status><node_state id="1" uname="n1"><lrm id="1"><lrm_resources><lrm_resource id="d2"/></lrm_resources></lrm></node_state></status>`)
}

func TestFenced_LeavesNothingOfTheNode(t *testing.T) {
	s := SetAttr(SetResource(SetState(nil, n1, Online), n1, "d1", cibxml.New("lrm_resource", "id", "d1")), n1, "", "x", "1")
	expect(t, Fenced(s, n1), `<status><node_state id="1" uname="n1" in_ccm="false" crmd="offline" join="down" expected="down" crm-debug-origin="fenced"/></status>`)
}

func TestSetAttr_IdsAreThoseOfPacemaker(t *testing.T) {
	s := SetAttr(nil, n1, "", "last-failure-to#monitor_7000", "17")
	expect(t, s, `<status><node_state id="1" uname="n1"><transient_attributes id="1"><instance_attributes id="status-1"><nvpair id="status-1-last-failure-to.monitor_7000" name="last-failure-to#monitor_7000" value="17"/></instance_attributes></transient_attributes></node_state></status>`)
	if SetAttr(s, n1, "", "last-failure-to#monitor_7000", "17") != s {
		t.Error("an equal value made a new document")
	}
	s = UnsetAttr(s, n1, "last-failure-to#monitor_7000")
	expect(t, s, `<status><node_state id="1" uname="n1"><transient_attributes id="1"><instance_attributes id="status-1"/></transient_attributes></node_state></status>`)
	if UnsetAttr(s, NodeOf(2, "n2"), "x") != s {
		t.Error("removing nothing changed the document")
	}
	expect(t, DropAttrs(s, n1), `<status><node_state id="1" uname="n1"/></status>`)
}
