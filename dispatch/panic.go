package dispatch

import (
	"errors"
	"strings"

	"github.com/ossec-notify/ossec-notify/display"
	"github.com/ossec-notify/ossec-notify/notifier"
	"github.com/ossec-notify/ossec-notify/templates"
)

// unreadable is the message about an alert that could not be made into one.
func unreadable(x Delivery, err error) map[string]display.Text {
	return map[string]display.Text{"body": display.Join(
		display.Words("An alert came that ossec-notify could not make a message of.\n"),
		display.Quote(strings.TrimRight(string(x.Alert.Raw), "\r\n")).CutEnd(1200),
		display.Words("\n"), display.Quote(err.Error()))}
}

// render makes the parts of a message: in the default form where a template fails, without templates where that fails
// too, and of the bare alert where we fail. data is nil if the alert could not be read.
func (d *Dispatcher) render(x Delivery, c templates.Context) (data *templates.Data, parts map[string]display.Text, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = notifier.Recovered(r)
			parts = unreadable(x, err)
		}
	}()
	data = templates.NewData(x.Alert, d.Scale, c)
	parts, err = x.Receiver.Templates.Parts(data)
	if err != nil {
		var plainErr error
		parts, plainErr = x.Receiver.Templates.Defaults().Parts(templates.WithFailure(data, err.Error()))
		if plainErr != nil {
			cause := err
			if plainErr.Error() != err.Error() { // a mistake in a preset is there with our parts, too
				cause = errors.Join(err, plainErr)
			}
			parts = templates.Plain(data, cause)
		}
	}
	return data, parts, err
}

// notify is the notifier's Notify, which may have a mistake.
func notify(send func() (notifier.Receipt, error)) (receipt notifier.Receipt, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = notifier.Errorf(notifier.Permanent, "%w", notifier.Recovered(r))
		}
	}()
	return send()
}
