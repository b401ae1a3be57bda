package family

import "testing"

func TestDockerReadings(t *testing.T) {
	const (
		id     = "8f9961dc7ad19f6169e0953dbaceda436100dc01b84b6808148dc20ff762854e"
		start  = "Planned deployment? If not, stop it and keep the container."
		ended  = "Planned deployment? If not, find out who or what ended it."
		inside = "Ask who works in the container. Nobody: stop it and keep it."
	)
	event := func(body string) string {
		return `{"rule":{"level":3,"description":"Docker event","id":"87903","groups":["docker"]},"agent":{"id":"003","name":"dock-01"},
			"data":{"integration":"docker","docker":` + body + `},"location":"Wazuh-Docker"}`
	}
	checkReadings(t, "docker", []reading{
		{
			name: "container started",
			raw: event(`{"Action":"start","Type":"container","from":"nginx","status":"start",
				"Actor":{"ID":"` + id + `","Attributes":{"image":"nginx","name":"shop"}}}`),
			sentence: "Docker: container `shop` started on `dock-01`",
			facts:    []string{"Name  `shop`", "Image  `nginx`", "Action  `start`, `container`", "ID  `8f9961dc7ad1`"},
			next:     start, object: "shop",
		},
		{
			name: "container exited, numbers for texts",
			raw: event(`{"Action":"die","Type":"container","Actor":{"ID":"` + id + `",
				"Attributes":{"image":"nginx","name":"shop","exitCode":137}}}`),
			sentence: "Docker: container `shop` exited on `dock-01`",
			facts:    []string{"Name  `shop`", "Image  `nginx`", "Action  `die`, `container`", "ID  `8f9961dc7ad1`", "Exit  `137`"},
			next:     ended, object: "shop",
		},
		{
			name:     "command in a container",
			raw:      event(`{"Action":"exec_create: /bin/sh -c id","Type":"container","Actor":{"Attributes":{"name":"shop"}}}`),
			sentence: "Docker: container `shop` was given a command on `dock-01`",
			facts:    []string{"Name  `shop`", "Action  `exec_create: /bin/sh -c id`, `container`"},
			next:     inside, object: "shop",
		},
		{
			name:     "image pulled, which has its name for an id",
			raw:      event(`{"Action":"pull","Type":"image","Actor":{"ID":"example/shop:1"}}`),
			sentence: "Docker: image `example/shop:1` pulled on `dock-01`",
			facts:    []string{"Name  `example/shop:1`", "Action  `pull`, `image`", "ID  `example/shop:1`"},
			next:     start, object: "example/shop:1",
		},
		{
			name:     "action that we have no word for",
			raw:      event(`{"Action":"health_status: unhealthy","Type":"container","Actor":{"Attributes":{"name":"shop"}}}`),
			sentence: "Docker: container `shop`, `health_status` on `dock-01`",
			facts:    []string{"Name  `shop`", "Action  `health_status: unhealthy`, `container`"},
			next:     start, object: "shop",
		},
		{
			name:     "a hostile name is a fact",
			raw:      event(`{"Action":"start","Type":"container","Actor":{"Attributes":{"name":"` + "`shop`\\n@channel" + `"}}}`),
			sentence: "Docker: container started on `dock-01`",
			facts:    []string{"Name  ``shop`⏎@channel`", "Action  `start`, `container`"},
			next:     start, object: "`shop`\n@channel",
		},
		{
			name:     "nothing known",
			raw:      event(`{"Action":["x"],"Type":{},"Actor":7}`),
			sentence: "Docker: object on `dock-01`", facts: []string{"Action  `x`"},
			next: start, object: "-",
		},
	})
}
