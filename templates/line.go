package templates

// eventLine is the event as one line of a log: without the alert as it came, which would double it, and whose nested
// fields would all become labels in a search that parses the line.
func (s *Set) eventLine(d *Data) (event, error) {
	e, err := s.event(d)
	e.Original = nil
	return e, err
}

// eventMetadata is what goes with a line and is not indexed, so that it may have as many values as it likes.
func (d *Data) eventMetadata() map[string]string {
	fields := map[string]string{}
	for name, value := range map[string]string{
		"alert_id": d.ID, "family": d.Family, "rule_id": d.OneRule(), "src": d.Source.IP, "user": d.User,
	} {
		if value != "" {
			fields[name] = value
		}
	}
	if d.Summary != nil {
		delete(fields, "user")
	}
	return fields
}
