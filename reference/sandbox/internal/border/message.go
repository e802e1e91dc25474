package border

// Setup is what a child needs before its first program.
type Setup struct {
	// Language is what all programs are written in.
	Language string
	// Cache is the folder of compiled modules; empty: compile, keep nothing.
	Cache string
	// Memory is the most that any program may have, in bytes.
	Memory int64
	// Confine is a confine.Config as JSON: what the child gives up before the
	// first program.
	Confine []byte
}

// Program is a run as a child needs it: the fields of sandbox.Run, with the
// pool's defaults filled in.
type Program struct {
	Source, Input []byte
	Hosts         []string
	Clock         int64 // nanoseconds since the Unix epoch
	Seed          uint64
	Memory, Stack int64
	Output        int64
	HostCalls     int64
	HostBytes     int64
	Fuel          uint64 // 0: not bounded
}

// Call asks for a host function.
type Call struct {
	Name string
	Args []byte // JSON
}

// Answer is a host function's answer, or the error that it ends with.
type Answer struct {
	Value []byte // JSON
	Error string
	// Over says that the run has used what host calls may take: it ends here.
	Over bool
}

// Done ends a run.
type Done struct {
	Value   []byte // JSON; empty after a fault
	Fault   string // one of sandbox.FaultKind, empty for none
	Message string // of the fault
	CPU     int64  // nanoseconds
	Memory  int64  // bytes
	Fuel    uint64
}

// Ready says that a fresh instance waits.
type Ready struct {
	// Resident is the most memory that the child has held, in bytes, where it
	// can tell.
	Resident int64
	// CPU is what the child has taken since its start, in nanoseconds.
	CPU int64
	// Confined is a confine.Report as JSON, in the first message.
	Confined []byte
}

// Append writes the message's frame into buf's memory.
func (s *Setup) Append(buf []byte) []byte {
	b := Frame(buf, KindSetup)
	b = putBytes(putBytes(b, s.Language), s.Cache)
	return Close(putBytes(putInt(b, s.Memory), s.Confine))
}

// ParseSetup reads a message of KindSetup.
func ParseSetup(message []byte) (*Setup, error) {
	f := fields{rest: message}
	s := &Setup{Language: f.text(), Cache: f.text(), Memory: f.int(), Confine: f.bytes()}
	return s, f.end()
}

// Append writes the message's frame into buf's memory.
func (p *Program) Append(buf []byte) []byte {
	b := Frame(buf, KindStart)
	b = putBytes(b, p.Source)
	b = putBytes(b, p.Input)
	b = putUint(b, uint64(len(p.Hosts)))
	for _, h := range p.Hosts {
		b = putBytes(b, h)
	}
	b = putInt(b, p.Clock)
	b = putUint(b, p.Seed)
	for _, n := range []int64{p.Memory, p.Stack, p.Output, p.HostCalls, p.HostBytes} {
		b = putInt(b, n)
	}
	return Close(putUint(b, p.Fuel))
}

// ParseStart reads a message of KindStart. The program's source and input are
// parts of the message's memory.
func ParseStart(message []byte) (*Program, error) {
	f := fields{rest: message}
	p := &Program{
		Source: f.bytes(), Input: f.bytes(), Hosts: f.texts(), Clock: f.int(), Seed: f.uint(),
		Memory: f.int(), Stack: f.int(), Output: f.int(), HostCalls: f.int(), HostBytes: f.int(), Fuel: f.uint(),
	}
	if err := f.end(); err != nil {
		return nil, err
	}
	if p.Memory < 0 || p.Stack < 0 || p.Output < 0 || p.HostCalls < 0 || p.HostBytes < 0 {
		return nil, broken("a limit below zero")
	}
	return p, nil
}

// Append writes the message's frame into buf's memory.
func (c *Call) Append(buf []byte) []byte {
	return Close(putBytes(putBytes(Frame(buf, KindCall), c.Name), c.Args))
}

// ParseCall reads a message of KindCall. Args is a part of its memory.
func ParseCall(message []byte) (*Call, error) {
	f := fields{rest: message}
	c := &Call{Name: f.text(), Args: f.bytes()}
	return c, f.end()
}

// Append writes the message's frame into buf's memory.
func (a *Answer) Append(buf []byte) []byte {
	return Close(putUint(putBytes(putBytes(Frame(buf, KindAnswer), a.Value), a.Error), bit(a.Over)))
}

// ParseAnswer reads a message of KindAnswer. Value is a part of its memory.
func ParseAnswer(message []byte) (*Answer, error) {
	f := fields{rest: message}
	a := &Answer{Value: f.bytes(), Error: f.text(), Over: f.uint() == 1}
	return a, f.end()
}

// Append writes the message's frame into buf's memory.
func (d *Done) Append(buf []byte) []byte {
	b := Frame(buf, KindDone)
	b = putBytes(b, d.Value)
	b = putBytes(b, d.Fault)
	b = putBytes(b, d.Message)
	b = putInt(b, d.CPU)
	b = putInt(b, d.Memory)
	return Close(putUint(b, d.Fuel))
}

// ParseDone reads a message of KindDone. Value is a part of its memory.
func ParseDone(message []byte) (*Done, error) {
	f := fields{rest: message}
	d := &Done{Value: f.bytes(), Fault: f.text(), Message: f.text(), CPU: f.int(), Memory: f.int(), Fuel: f.uint()}
	return d, f.end()
}

// Append writes the message's frame into buf's memory.
func (r *Ready) Append(buf []byte) []byte {
	return Close(putBytes(putInt(putInt(Frame(buf, KindReady), r.Resident), r.CPU), r.Confined))
}

// ParseReady reads a message of KindReady.
func ParseReady(message []byte) (*Ready, error) {
	f := fields{rest: message}
	r := &Ready{Resident: f.int(), CPU: f.int(), Confined: f.bytes()}
	return r, f.end()
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
