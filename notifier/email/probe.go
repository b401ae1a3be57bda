package email

import "context"

// Probe connects, secures the connection and logs in, and sends nothing.
func (m *Notifier) Probe(ctx context.Context) error {
	password, err := m.password.ReadHeader(ctx, "password")
	if err != nil {
		return err
	}
	s, err := m.open(ctx, password)
	if err != nil {
		return err
	}
	s.quit()
	return nil
}
