package dynamodb

type timeToLive struct {
	AttributeName string
	Enabled       bool
}

type updateTimeToLiveInput struct {
	TableName               string
	TimeToLiveSpecification timeToLive
}

type updateTimeToLiveOutput struct{ TimeToLiveSpecification timeToLive }

type describeTimeToLiveOutput struct {
	TimeToLiveDescription struct {
		TimeToLiveStatus string
		AttributeName    string `json:",omitzero"`
	}
}

func (c *call) updateTimeToLive(in updateTimeToLiveInput) (updateTimeToLiveOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out updateTimeToLiveOutput
	t, err := c.existing("UpdateTimeToLive", in.TableName)
	if err != nil {
		return out, err
	}
	spec := in.TimeToLiveSpecification
	switch {
	case spec.AttributeName == "":
		return out, required(false, "timeToLiveSpecification.attributeName")
	case spec.Enabled && t.ttl != "":
		return out, invalid("TimeToLive is already enabled")
	case !spec.Enabled && t.ttl == "":
		return out, invalid("TimeToLive is already disabled")
	case !spec.Enabled && t.ttl != spec.AttributeName:
		return out, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.ttl)
	}
	t.ttl = ""
	if spec.Enabled {
		t.ttl = spec.AttributeName
	}
	out.TimeToLiveSpecification = spec
	return out, nil
}

func (c *call) describeTimeToLive(in tableInput) (describeTimeToLiveOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out describeTimeToLiveOutput
	t, err := c.existing("DescribeTimeToLive", in.TableName)
	if err != nil {
		return out, err
	}
	out.TimeToLiveDescription.TimeToLiveStatus = "DISABLED"
	if t.ttl != "" {
		out.TimeToLiveDescription.TimeToLiveStatus, out.TimeToLiveDescription.AttributeName = "ENABLED", t.ttl
	}
	return out, nil
}
