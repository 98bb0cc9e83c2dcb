package dynamodb

import "time"

type tableInput struct {
	TableName string
}

type createTableInput struct {
	TableName             string
	AttributeDefinitions  []attributeDefinition
	KeySchema             []keyElement
	BillingMode           string
	ProvisionedThroughput *throughput
}

type attributeDefinition struct {
	AttributeName string
	AttributeType string
}

type keyElement struct {
	AttributeName string
	KeyType       string
}

type throughput struct {
	ReadCapacityUnits  int64
	WriteCapacityUnits int64
}

type tableDescription struct {
	TableName                 string
	TableStatus               string
	TableArn                  string
	TableId                   string
	CreationDateTime          float64
	AttributeDefinitions      []attributeDefinition
	KeySchema                 []keyElement
	ProvisionedThroughput     throughput
	BillingModeSummary        *billingModeSummary `json:",omitzero"`
	ItemCount                 int
	TableSizeBytes            int
	DeletionProtectionEnabled bool
}

type billingModeSummary struct {
	BillingMode string
}

type describeTableOutput struct{ Table tableDescription }

type tableOutput struct{ TableDescription tableDescription }

// createTable makes tables with a partition key and a sort key, both strings.
func (c *call) createTable(in createTableInput) (tableOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	var out tableOutput
	if err := c.may("CreateTable", in.TableName); err != nil {
		return out, err
	}
	if err := tableName(in.TableName); err != nil {
		return out, err
	}
	if err := oneOf("billingMode", in.BillingMode, "PROVISIONED", "PAY_PER_REQUEST"); err != nil {
		return out, err
	}
	if in.BillingMode != "PAY_PER_REQUEST" && in.ProvisionedThroughput == nil {
		return out, badValue("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	if len(in.KeySchema) != 2 || in.KeySchema[0].KeyType != "HASH" || in.KeySchema[1].KeyType != "RANGE" || len(in.AttributeDefinitions) != 2 {
		return out, invalid("this server knows tables with a HASH and a RANGE key, and no other attributes defined, only")
	}
	names := map[string]bool{}
	for _, a := range in.AttributeDefinitions {
		if a.AttributeType != "S" {
			return out, invalid("keys of type %s are not known to this server", a.AttributeType)
		}
		names[a.AttributeName] = true
	}
	partition, sort := in.KeySchema[0].AttributeName, in.KeySchema[1].AttributeName
	if len(names) != 2 || !names[partition] || !names[sort] {
		return out, badValue("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s, %s]", partition, sort)
	}
	if t := d.tables[in.TableName]; t != nil && t.status(d.now()) != "DELETED" {
		return out, fail("ResourceInUseException", "Table already exists: "+in.TableName)
	}
	t := newTable(in.TableName, partition, sort, d.now())
	t.active = t.created.Add(settling)
	t.provisioned = in.ProvisionedThroughput
	d.tables[in.TableName] = t
	return tableOutput{t.describe(c.region, d.now())}, nil
}

func (c *call) deleteTable(in tableInput) (tableOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := c.existing("DeleteTable", in.TableName)
	if err != nil {
		return tableOutput{}, err
	}
	if status := t.status(d.now()); status != "ACTIVE" {
		return tableOutput{}, fail("ResourceInUseException", "Attempt to change a resource which is still in use: Table is "+status+": "+t.name)
	}
	t.gone = d.now().Add(settling)
	return tableOutput{t.describe(c.region, d.now())}, nil
}

func (c *call) describeTable(in tableInput) (describeTableOutput, error) {
	d := c.s.db
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := c.existing("DescribeTable", in.TableName)
	if err != nil {
		return describeTableOutput{}, err
	}
	return describeTableOutput{t.describe(c.region, d.now())}, nil
}

// existing returns a table that need not be ready.
func (c *call) existing(action, name string) (*table, error) {
	if err := c.may(action, name); err != nil {
		return nil, err
	}
	if err := tableName(name); err != nil {
		return nil, err
	}
	t := c.s.db.tables[name]
	if t == nil || t.status(c.s.db.now()) == "DELETED" {
		return nil, fail("ResourceNotFoundException", "Requested resource not found: Table: "+name+" not found")
	}
	return t, nil
}

func (t *table) describe(region string, now time.Time) tableDescription {
	d := tableDescription{
		TableName: t.name, TableStatus: t.status(now), TableArn: arn(region, t.name), TableId: t.id,
		CreationDateTime:     float64(t.created.UnixMilli()) / 1000,
		AttributeDefinitions: []attributeDefinition{{t.partition, "S"}, {t.sort, "S"}},
		KeySchema:            []keyElement{{t.partition, "HASH"}, {t.sort, "RANGE"}},
		ItemCount:            t.items, TableSizeBytes: t.bytes,
	}
	if t.provisioned == nil {
		d.BillingModeSummary = &billingModeSummary{"PAY_PER_REQUEST"}
	} else {
		d.ProvisionedThroughput = *t.provisioned
	}
	return d
}
