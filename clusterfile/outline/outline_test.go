package outline

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func read(t *testing.T) *cibxml.Element {
	t.Helper()
	raw, err := os.ReadFile("../crm/testdata/everything.xml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	return doc.Child("configuration")
}

func TestRead_NamesEverythingAsTheFileDoes(t *testing.T) {
	want := map[string]string{
		"cluster properties/batch-limit":                                  "20",
		"node n1/attributes.rack":                                         "a",
		"node n1/utilization.cpu":                                         "8",
		"fence device power-n1/agent":                                     "stonith:fence_ipmilan",
		"fence device power-n1/meta.driver":                               "legacy",
		"group web/members":                                               "vip nginx",
		"resource vip/params.ip":                                          "10.0.0.100",
		"resource vip/op.monitor":                                         "interval=10s timeout=20s",
		"resource nginx/op.stop":                                          "timeout=100s on-fail=fence",
		"resource nginx/op.monitor":                                       "interval=10s",
		"resource db/op.monitor[10s]":                                     "interval=10s role=Promoted OCF_CHECK_LEVEL=10",
		"clone db-clone/meta.promotable":                                  "true",
		"bundle httpd/podman.replicas":                                    "2",
		"location constraint location-web/rule":                           "not_defined pingd or pingd lte 0",
		"location constraint location-web/rule.score":                     "-INFINITY",
		"order constraint order_set_wbmlpe/set 1.resources":               "web mail",
		"colocation constraint colocation-web-db-clone-INFINITY/with-rsc": "db-clone",
		"ticket constraint ticket-berlin-db-clone-Promoted/ticket":        "berlin",
		"fencing level fl-n1-1/devices":                                   "power-n1",
		"tag front/references":                                            "web mail",
		"alert mailer/recipient[mailer-recipient].value":                  "ops@example.com",
		"ACL user bob/roles":                                              "watcher",
		"resource defaults/resource-stickiness":                           "100",
	}
	all := Read(read(t))
	for path, value := range want {
		name, key, _ := strings.Cut(path, "/")
		got := ""
		for i := range all {
			if all[i].Name() == name {
				got = all[i].Get(key)
			}
		}
		if got != value {
			t.Errorf("%s: got %q, want %q", path, got, value)
		}
	}
}

func TestDiff_SaysWhatIsNewGoneAndOther(t *testing.T) {
	old := read(t)
	src := strings.NewReplacer(`value="10.0.0.100"`, `value="10.0.0.101"`, ` timeout="20s"/>`, `/>`,
		`<resource_ref id="mail"/>`, "", `<tag id="front">`, `<tag id="front2">`).Replace(old.String())
	new, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{Removed, "tag", "front", []SettingChange{{"references", "web mail", ""}}},
		{Changed, "resource", "vip", []SettingChange{{"params.ip", "10.0.0.100", "10.0.0.101"}, {"op.monitor", "interval=10s timeout=20s", "interval=10s"}}},
		{Changed, "order constraint", "order_set_wbmlpe", []SettingChange{{"set 1.resources", "web mail", "web"}}},
		{Added, "tag", "front2", []SettingChange{{"references", "", "web mail"}}},
	}
	if d := cmp.Diff(want, Diff(old, new)); d != "" {
		t.Error(d)
	}
	if d := Diff(old, old); len(d) != 0 {
		t.Errorf("a configuration differs from itself: %+v", d)
	}
}
