package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ossec-notify/ossec-notify/alert"
	"github.com/ossec-notify/ossec-notify/dispatch"
	"github.com/ossec-notify/ossec-notify/noise"
	"github.com/ossec-notify/ossec-notify/outbox"
	"github.com/ossec-notify/ossec-notify/site"
	"github.com/ossec-notify/ossec-notify/spool"
)

// metricsHandler answers with the metrics. They are read from the outbox when they are asked for: its labels are
// the names of receivers, of which there are as many as the config has.
func metricsHandler(d *dispatch.Deliverer, s *site.Site, state string) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &stateCollector{d, s, state})
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{Timeout: 10 * time.Second})
}

// stateCollector reads how the installation fares.
type stateCollector struct {
	d *dispatch.Deliverer
	s *site.Site
	// state is the state directory.
	state string
}

var (
	descDeliveries = prometheus.NewDesc("ossec_notify_deliveries", "Deliveries in the outbox by receiver and state.", []string{"receiver", "state"}, nil)
	descOldest     = prometheus.NewDesc("ossec_notify_oldest_waiting_seconds", "Age of the oldest delivery that waits for a receiver.", []string{"receiver"}, nil)
	descFailures   = prometheus.NewDesc("ossec_notify_receiver_failures", "Failed attempts since the receiver last took a message.", []string{"receiver"}, nil)
	descUntold     = prometheus.NewDesc("ossec_notify_alerts_without_receiver_total", "Alerts since the start that nobody was told of: on_purpose, by a route with an empty `to`; no_route, because none chose a receiver; or unknown_name, because the name that they were called by leads to nobody.", []string{"reason"}, nil)
	descQuieted    = prometheus.NewDesc("ossec_notify_alerts_quieted_total", "Alerts since the start that were not sent to a receiver at once and by themselves, by what decided so.", []string{"receiver", "reason"}, nil)
	descBraked     = prometheus.NewDesc("ossec_notify_receiver_braked", "Whether the storm brake holds low severities for the receiver (1).", []string{"receiver"}, nil)
	descLost       = prometheus.NewDesc("ossec_notify_lost_deliveries", "Deliveries that were lost in the last week with an outbox that somebody removed.", nil, nil)
	descSilences   = prometheus.NewDesc("ossec_notify_silences", "Silences that hold.", nil, nil)
	descEscalation = prometheus.NewDesc("ossec_notify_escalations", "Alerts that nobody has taken and whose next step is still to be told.", nil, nil)
	descAcks       = prometheus.NewDesc("ossec_notify_acknowledgements", "Acknowledgements in the outbox by how they came.", []string{"via"}, nil)
	descRecords    = prometheus.NewDesc("ossec_notify_spool_records", "Records in the spool.", nil, nil)
	descSpool      = prometheus.NewDesc("ossec_notify_spool_bytes", "Size of the spool.", nil, nil)
	descLag        = prometheus.NewDesc("ossec_notify_follow_lag_bytes", "What is written to a followed file and not read yet.", []string{"file"}, nil)
	descConfig     = prometheus.NewDesc("ossec_notify_config_last_reload_successful", "Whether all of the config file is in use (1), or the last one that loaded, or the last address of http (0).", nil, nil)
	descEnriched   = prometheus.NewDesc("ossec_notify_enrichments_total", "Questions to a source of enrichment since the config loaded, by what came of them: found, none, stale, because it answered from what its file held before, or failed, because it has nothing to answer with.", []string{"source", "result"}, nil)
	descLoaded     = prometheus.NewDesc("ossec_notify_config_loaded_timestamp_seconds", "When the config in use loaded first, in seconds since 1970.", nil, nil)
)

// Describe lists the metrics.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descDeliveries, descOldest, descFailures, descUntold, descQuieted, descBraked, descLost, descSilences, descEscalation, descAcks, descRecords, descSpool, descLag, descConfig, descEnriched, descLoaded} {
		ch <- d
	}
}

// Collect reads the outbox and the spool. What cannot be read is missing.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if queues, err := c.d.Box.Queues(ctx); err == nil {
		c.collectBrakes(ctx, gauge, queues)
		for _, q := range queues {
			for _, state := range outbox.States() {
				gauge(descDeliveries, float64(q.Counts[state]), q.Receiver, string(state))
			}
			age := 0.0
			if !q.Oldest.IsZero() {
				age = time.Since(q.Oldest).Seconds()
			}
			gauge(descOldest, age, q.Receiver)
		}
	}
	if receivers, err := c.d.Box.Receivers(ctx); err == nil {
		for name, r := range receivers {
			gauge(descFailures, float64(r.Failures), name)
		}
	}
	onPurpose, noRoute, astray := c.d.Untold()
	ch <- prometheus.MustNewConstMetric(descUntold, prometheus.CounterValue, float64(onPurpose), "on_purpose")
	ch <- prometheus.MustNewConstMetric(descUntold, prometheus.CounterValue, float64(noRoute), "no_route")
	ch <- prometheus.MustNewConstMetric(descUntold, prometheus.CounterValue, float64(astray), "unknown_name")
	for q, n := range c.d.Quieted() {
		ch <- prometheus.MustNewConstMetric(descQuieted, prometheus.CounterValue, float64(n), q.Receiver, q.Cause)
	}
	lost := 0
	if l := lately(ctx, c.d.Box); l != nil {
		lost = l.total()
	}
	gauge(descLost, float64(lost))
	c.collectPeople(ctx, gauge)
	if bytes, records, err := spool.Size(c.state); err == nil {
		gauge(descRecords, float64(records))
		gauge(descSpool, float64(bytes))
	}
	for _, from := range c.d.Sources {
		if f, ok := from.(*site.Followers); ok {
			for path, bytes := range f.Lag() {
				gauge(descLag, float64(bytes), strings.ToValidUTF8(path, "\uFFFD")) // other labels are refused
			}
		}
	}
	if cfg := c.s.Config(); cfg != nil {
		for _, n := range cfg.Enrich.Counts() {
			for result, v := range map[string]int64{"found": n.Found, "none": n.None, "stale": n.Stale, "failed": n.Failed} {
				ch <- prometheus.MustNewConstMetric(descEnriched, prometheus.CounterValue, float64(v), n.Source, result)
			}
		}
	}
	ok := 1.0
	if c.s.Sound() != nil {
		ok = 0
	}
	gauge(descConfig, ok)
	if loaded := c.s.LoadedAt(); !loaded.IsZero() {
		gauge(descLoaded, float64(loaded.Unix()))
	}
}

// collectBrakes tells which receivers are braked.
func (c *stateCollector) collectBrakes(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string), queues []outbox.Queue) {
	braked, err := noise.BrakedNow(ctx, c.d.Box)
	if err != nil {
		return
	}
	for _, q := range queues {
		if q.Receiver == dispatch.Nobody {
			continue
		}
		v := 0.0
		if slices.ContainsFunc(braked, func(b noise.Braked) bool { return b.Receiver == q.Receiver }) {
			v = 1
		}
		gauge(descBraked, v, q.Receiver)
	}
}

// collectPeople tells of what people keep in the outbox, and what waits for them.
func (c *stateCollector) collectPeople(ctx context.Context, gauge func(*prometheus.Desc, float64, ...string)) {
	if silences, err := c.d.Box.Silences(ctx, time.Now()); err == nil {
		scale, zone := alert.DefaultScale, time.Local
		if cfg := c.s.Config(); cfg != nil {
			scale, zone = cfg.Scale, cfg.Zone
		}
		holding := 0
		for _, s := range silences {
			if noise.StandingOf(s, scale, zone, time.Now()).Word == "holds" {
				holding++
			}
		}
		gauge(descSilences, float64(holding))
	}
	if n, err := c.d.Box.Escalations(ctx); err == nil {
		gauge(descEscalation, float64(n))
	}
	if acks, err := c.d.Box.Acks(ctx); err == nil {
		for via, n := range acks {
			gauge(descAcks, float64(n), via)
		}
	}
}
