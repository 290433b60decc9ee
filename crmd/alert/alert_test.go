package alert

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func parse(t *testing.T, text string) []Agent {
	t.Helper()
	e, err := cibxml.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return Parse(e)
}

func TestParse_RecipientsOverrideAndSelectReplacesTheDefault(t *testing.T) {
	agents := parse(t, `<alerts>
<alert id="a" path="/a"><meta_attributes id="am"><nvpair id="1" name="timeout" value="15s"/></meta_attributes>
 <instance_attributes id="ai"><nvpair id="2" name="debug" value="1"/><nvpair id="3" name="to" value="x"/></instance_attributes>
 <recipient id="r1" value="ops"><instance_attributes id="ri"><nvpair id="4" name="to" value="y"/></instance_attributes></recipient>
 <recipient id="r2" value="off"><meta_attributes id="rm"><nvpair id="5" name="enabled" value="false"/></meta_attributes></recipient></alert>
<alert id="b" path="/b"><select><select_attributes><attribute id="6" name="ping"/></select_attributes></select></alert>
<alert id="c" path="/c"><meta_attributes id="cm"><nvpair id="7" name="alarms" value="true"/></meta_attributes></alert></alerts>`)
	var got []string
	for _, ev := range []Event{{Kind: Node}, {Kind: Resource}, {Kind: Attribute, Name: "ping"}, {Kind: Attribute, Name: "other"}, {Kind: Alarm}} {
		var who []string
		for i := range agents {
			if agents[i].Wants(&ev) {
				who = append(who, agents[i].ID)
			}
		}
		got = append(got, ev.Kind+": "+strings.Join(who, " "))
	}
	if want := []string{"node: r1 c", "resource: r1 c", "attribute: b", "attribute: ", "alarm: c"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	env := agents[0].Environment(&Event{Kind: Resource, Node: "n1", Desc: "ok", Task: "start", Resource: "vip", TargetRC: 7, ExecTime: 12, At: time.Unix(5, 6000).UTC()}, 3)
	for _, want := range []string{"debug=1", "to=y", "CRM_alert_kind=resource", "CRM_notify_rsc=vip", "CRM_alert_recipient=ops", "CRM_alert_target_rc=7", "CRM_alert_interval=0",
		"CRM_alert_exec_time=12", "CRM_alert_node_sequence=3", "CRM_alert_timestamp=00:00:05.000006", "CRM_alert_timestamp_usec=000006", "CRM_alert_timestamp_epoch=5"} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing in %q", want, env)
		}
	}
	for _, c := range []struct {
		kind  string
		unset []string
	}{
		{Node, []string{"task", "rsc", "rc", "interval", "attribute_name"}}, {Fencing, []string{"rsc", "nodeid", "status"}},
		{Resource, []string{"nodeid", "attribute_value"}}, {Attribute, []string{"desc", "task", "rsc", "rc"}},
	} {
		for _, v := range agents[0].Environment(&Event{Kind: c.kind}, 1) {
			name, _, _ := strings.Cut(v, "=")
			if slices.Contains(c.unset, strings.TrimPrefix(strings.TrimPrefix(name, "CRM_alert_"), "CRM_notify_")) {
				t.Errorf("%s is set for the kind %s, to which it does not belong", v, c.kind)
			}
		}
	}
	if agents[0].Timeout != 15*time.Second {
		t.Errorf("timeout %s", agents[0].Timeout)
	}
}

func TestFormat_AsDateDoes(t *testing.T) {
	at := time.Date(2026, 3, 7, 5, 4, 3, 123456789, time.UTC)
	const format = "%H:%M:%S.%6N %3N %Y-%m-%d %a %b %e %j %s %u %w %y %% %I %p %D %T %R %F %z"
	out, err := exec.Command("env", "LC_ALL=C", "TZ=UTC", "date", "-d", "2026-03-07 05:04:03.123456789", "+"+format).Output()
	if err != nil {
		t.Skipf("no GNU date: %v", err)
	}
	if got := Format(at, format); got != strings.TrimSpace(string(out)) {
		t.Errorf("%q, date writes %q", got, strings.TrimSpace(string(out)))
	}
	if got := Format(at, "%06N %Q %"); got != "123456 %Q %" {
		t.Errorf("%q", got)
	}
}

func TestAttributes_OnlyWhatChanged(t *testing.T) {
	section := func(crmd, values string) *cibxml.Element {
		if values != "" {
			values = `<transient_attributes id="1"><instance_attributes id="s">` + values + `</instance_attributes></transient_attributes>`
		}
		e, err := cibxml.Parse(`<status><node_state id="1" uname="n1" crmd="` + crmd + `">` + values + `</node_state></status>`)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	const a, b = `<nvpair id="a" name="a" value="1"/>`, `<nvpair id="b" name="b" value="2"/>`
	for _, c := range []struct{ name, crmd, before, after, want string }{
		{"set", "online", a, a + b, "b=2"},
		{"changed", "online", b, `<nvpair id="b" name="b" value="3"/>`, "b=3"},
		{"deleted", "online", a + b, a, "b="},
		{"the last one is deleted", "online", a, "", "a="},
		{"the node has left", "offline", a + b, "", ""},
		{"nothing", "online", a, a, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, ev := range Attributes(section("online", c.before), section(c.crmd, c.after), time.Unix(0, 0)) {
				if ev.Node != "n1" || ev.ID != 1 || ev.Kind != Attribute {
					t.Errorf("%+v", ev)
				}
				got = append(got, ev.Name+"="+ev.Value)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
