package cli

import (
	"context"
	"fmt"
	"slices"

	"tierlab/reference/hub"
	"tierlab/reference/session"
	"tierlab/reference/tools"
)

// callsChecked is the value of labelCalls where answers are refused whose tool
// calls do not keep to the tools' schemas.
const callsChecked = "checked"

// callCheck is session.Config.Validate.
type callCheck = func(context.Context, *hub.Call, *hub.Message) session.Checked

// checkCalls passes an answer all of whose tool calls could be made: the session
// has the tools, and the arguments keep to their schemas.
func checkCalls(reg *tools.Registry, names []string) callCheck {
	return func(_ context.Context, _ *hub.Call, m *hub.Message) session.Checked {
		for _, c := range m.Calls {
			err := reg.Check(c.Name, []byte(c.Arguments))
			if err == nil && !slices.Contains(names, c.Name) {
				err = fmt.Errorf("the session has no tool %q", c.Name)
			}
			if err != nil {
				return session.Checked{Why: err.Error()}
			}
		}
		return session.Checked{Pass: true}
	}
}
