package draw

type Letter struct {
	Headers []Node
	Text    Node
	Source  Node
	HTML    string
	Blocked int
}

func Mail(m []byte) (*Letter, error) {
	return &Letter{Text: Node{Kind: Pre, Children: Visible(string(m))}, Source: Node{Kind: Pre, Children: Visible(string(m))}}, nil
}
