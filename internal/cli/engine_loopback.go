package cli

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"tierlab/bench/target"
	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/model"
	"tierlab/reference/gateway"
)

// namedEngine are the options of a command that measures an engine which it
// starts itself, named as BACKEND:MODEL.
type namedEngine struct {
	name string
	engineOptions
}

// flags binds the options to a command's flags.
func (o *namedEngine) flags(f *pflag.FlagSet, slots int) {
	f.StringVar(&o.name, "engine", "cpu:small", "`BACKEND:MODEL`, such as cpu:small; a model is a built-in shape or a Hugging Face folder")
	all := pflag.NewFlagSet("engine", pflag.ContinueOnError)
	o.engineOptions.flags(all, slots)
	all.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "model" && flag.Name != "backend" {
			f.AddFlag(flag)
		}
	})
}

func (o *namedEngine) validate() error {
	var ok bool
	if o.backend, o.model.model, ok = strings.Cut(o.name, ":"); !ok || o.model.model == "" {
		return fmt.Errorf("--engine is %q: it is BACKEND:MODEL, such as cpu:small", o.name)
	}
	return o.engineOptions.validate()
}

// loopback is an engine behind its HTTP surface on this machine.
type loopback struct {
	*localEngine
	model  model.Config
	Target *target.Target
	stop   context.CancelFunc
	served chan error
}

// listen starts the engine and serves it. Observe, if not nil, makes an
// observer beside the metrics' own.
func (o *engineOptions) listen(observe func(next engine.Observer) engine.Observer) (*loopback, error) {
	m, err := o.load()
	if err != nil {
		return nil, err
	}
	var metrics *gateway.Metrics
	l, err := o.start(m, func(caps backend.Caps) engine.Observer {
		metrics = gateway.NewMetrics(m.config.Name, caps.Context)
		if observe == nil {
			return metrics
		}
		return observe(metrics)
	})
	if err != nil {
		return nil, err
	}
	server, err := gateway.New(gateway.Config{Engine: l.Engine, Metrics: metrics, Model: m.config.Name})
	if err != nil {
		l.Close()
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.Close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &loopback{
		localEngine: l, model: m.config, stop: stop, served: make(chan error, 1),
		Target: target.New("http://"+listener.Addr().String(), m.config.Name, ""),
	}
	go func() { b.served <- server.Serve(ctx, listener, time.Second) }()
	return b, nil
}

// Close stops serving and ends the engine.
func (b *loopback) Close() error {
	b.Target.Close()
	b.stop()
	<-b.served
	return b.localEngine.Close()
}
