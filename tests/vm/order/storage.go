package order

const (
	// Target is the name of the target that a machine in the role "target" offers, and Unit its logical unit
	// in configfs.
	Target = "iqn.2026-11.test.holdfast:unit"
	Unit   = "/sys/kernel/config/target/core/iblock_0/unit"
)

// Written is what has become of records that a machine writes to a disk.
type Written struct {
	// Done is how many were written, Newest the number of the last of them.
	Done   int
	Newest uint64
	// Refused is how many were not, RefusedFirst the number of the first of those and Refusal why.
	Refused      int
	RefusedFirst uint64
	Refusal      string
}
