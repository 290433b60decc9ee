package vg

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeLVM is LVM 2.03.16 on a node without a disk: what it prints and its exit codes were recorded from the
// real commands. Its state is in the file that the environment variable FAKE_LVM names.
type fakeLVM struct {
	Host     string // this node's system ID
	Missing  bool   // the volume group's disks are gone
	SystemID string // the volume group's
	Tags     []string
	Lost     int  // physical volumes
	Exported bool // attribute of the volume group
	Volumes  []*fakeVolume
	Calls    []string
}

type fakeVolume struct {
	Name    string
	Partial bool // lies on a lost physical volume
	Active  bool
	// OpenUntil is when the last user closes it, in Unix ms.
	OpenUntil int64
}

func (v *fakeVolume) open() int {
	if time.Now().UnixMilli() < v.OpenUntil {
		return 1
	}
	return 0
}

// TestMain is also the fake commands.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if !slices.Contains([]string{"lvm", "vgs", "vgchange", "dmsetup"}, name) {
		os.Exit(m.Run())
	}
	f := readFake(os.Getenv("FAKE_LVM"))
	f.Calls = append(f.Calls, strings.Join(append([]string{name}, os.Args[1:]...), " "))
	code := f.command(name, os.Args[1:])
	f.write(os.Getenv("FAKE_LVM"))
	os.Exit(code)
}

func readFake(path string) *fakeLVM {
	raw, err := os.ReadFile(path)
	f := &fakeLVM{}
	if err == nil {
		err = json.Unmarshal(raw, f)
	}
	if err != nil {
		panic(err)
	}
	return f
}

func (f *fakeLVM) write(path string) {
	raw, err := json.Marshal(f)
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		panic(err)
	}
}

func complain(code int, lines ...string) int {
	for _, l := range lines {
		fmt.Fprintln(os.Stderr, "  "+l)
	}
	return code
}

func (f *fakeLVM) command(name string, args []string) int {
	switch name {
	case "lvm":
		fmt.Println("  system ID: " + f.Host)
		return 0
	case "dmsetup":
		return f.dmsetup(args)
	}
	if args[len(args)-1] != "data" || f.Missing {
		vg := args[len(args)-1]
		return complain(5, `Volume group "`+vg+`" not found`, "Cannot process volume group "+vg)
	}
	if f.Lost > 0 {
		complain(0, "WARNING: VG data is missing PV Lao8Td-Bkuv-gLVL-GnwP-BU0M-Pqfd-H5sTX8 (last written to /dev/vdb).")
	}
	if name == "vgs" {
		exported := ""
		if f.Exported {
			exported = "exported"
		}
		fmt.Printf("  data|%s|%s|%d|%d|%s\n", f.SystemID, strings.Join(f.Tags, ","), f.Lost, len(f.Volumes), exported)
		return 0
	}
	return f.vgchange(args)
}

var (
	extraIDs   = regexp.MustCompile(`extra_system_ids=\["([^"]*)"\]`)
	localID    = regexp.MustCompile(`system_id_source="lvmlocal"} local{system_id="([^"]*)"`)
	volumeList = regexp.MustCompile(`volume_list=\["@([^"]*)"\]`)
)

func submatch(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

func (f *fakeLVM) vgchange(args []string) int {
	all := strings.Join(args, " ")
	value := func(option string) string {
		if at := slices.Index(args, option); at >= 0 {
			return args[at+1]
		}
		return ""
	}
	host, extra := f.Host, submatch(extraIDs, all)
	if id := submatch(localID, all); id != "" {
		host = id
	}
	foreign := f.SystemID != "" && f.SystemID != host
	if slices.Contains(args, "-an") {
		return f.deactivate(foreign)
	}
	if foreign && extra != f.SystemID {
		return complain(5, fmt.Sprintf("Cannot access VG data with system ID %s with local system ID %s.", f.SystemID, host))
	}
	switch {
	case slices.Contains(args, "-ay") && foreign:
		return complain(5, "Cannot activate LVs in a foreign VG.")
	case slices.Contains(args, "-ay"):
		return f.activate(value("--activationmode"), submatch(volumeList, all))
	case value("--systemid") != "" && f.Lost > 0:
		return complain(5, "Cannot change VG data while PVs are missing.", "See vgreduce --removemissing and vgextend --restoremissing.",
			"Cannot process volume group data")
	case value("--systemid") != "":
		f.SystemID = value("--systemid")
	case value("--addtag") != "":
		f.Tags = append(f.Tags, value("--addtag"))
	case value("--deltag") != "":
		f.Tags = slices.DeleteFunc(f.Tags, func(t string) bool { return t == value("--deltag") })
	}
	fmt.Println(`  Volume group "data" successfully changed`)
	return 0
}

func (f *fakeLVM) activate(mode, listed string) int {
	code, n := 0, 0
	for _, v := range f.Volumes {
		switch {
		case v.Partial && mode != "partial":
			code = complain(5, "Refusing activation of partial LV data/"+v.Name+".  Use '--activationmode partial' to override.")
		case listed == "" || slices.Contains(f.Tags, listed):
			v.Active = true
			n++
		}
	}
	fmt.Printf("  %d logical volume(s) in volume group \"data\" now active\n", n)
	return code
}

func (f *fakeLVM) deactivate(foreign bool) int {
	for _, v := range f.Volumes {
		if v.Active && v.open() > 0 {
			return complain(5, "Logical volume data/"+v.Name+" contains a filesystem in use.",
				`Can't deactivate volume group "data" with 1 open logical volume(s)`)
		}
	}
	if foreign {
		complain(0, "WARNING: Found LVs active in VG data with foreign system ID "+f.SystemID+".  Possible data corruption.")
	}
	for _, v := range f.Volumes {
		v.Active = false
	}
	fmt.Println(`  0 logical volume(s) in volume group "data" now active`)
	return 0
}

func (f *fakeLVM) dmsetup(args []string) int {
	if args[0] == "remove" {
		for _, v := range f.Volumes {
			if "data-"+v.Name == args[1] && v.Active {
				v.Active = false
				return 0
			}
		}
		fmt.Fprintln(os.Stderr, "device-mapper: remove ioctl on "+args[1]+"  failed: No such device or address\nCommand failed.")
		return 1
	}
	n := 0
	for i, v := range f.Volumes {
		if v.Active && args[len(args)-1] == "vg_name=data" {
			fmt.Printf("data-%s|%d|253|%d|%s\n", v.Name, v.open(), 9000+i, v.Name)
			n++
		}
	}
	if n == 0 {
		fmt.Println("No devices found")
	}
	return 0
}
