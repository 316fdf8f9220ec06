package progress

// Names of the steps that several packages plan, take and look for. A step that only
// one package knows is named there.
const (
	StepLoad  = "reading the snapshot"
	StepApply = "reading the journal"
	StepSort  = "sorting keys"
	StepOrder = "putting keys in order"
	StepSave  = "writing the snapshot"
)
