# What each role may do, all of it. tests/iam.tftest.hcl has the same in full, so that a wider role is a change in two places.

locals {
  # As docs/stores.md has it. A hosted gateway asks for the heads of several spaces at once.
  reads  = concat(["dynamodb:GetItem", "dynamodb:Query"], var.hosted ? ["dynamodb:BatchGetItem"] : [])
  writes = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]

  interfaces = [
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
  ]

  # secret_keys itself is sensitive; that there are some is not.
  decrypts     = nonsensitive(var.secret_keys != null)
  through_kms  = local.table && var.table_encryption == "module_key"
  via_dynamodb = { StringEquals = { "kms:ViaService" = "dynamodb.${local.region}.amazonaws.com" } }

  of_both = { for s in local.surfaces : s => concat(
    [{ Sid = "WriteLogs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = local.arn.logs[s] }],
    local.decrypts ? [{ Sid = "OpenSecretKeys", Effect = "Allow", Action = ["kms:Decrypt"], Resource = aws_kms_key.secrets[0].arn }] : [],
    var.secrets_arn != null ? [{ Sid = "ReadSecret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.secrets_arn }] : [],
    var.secrets_kms_key_arn != null ? [{ Sid = "DecryptSecret", Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.secrets_kms_key_arn }] : [],
    # Lambda itself makes the interfaces, with the role of the function. These calls know no narrower resource. The program may make none of them.
    var.vpc != null ? [{ Sid = "JoinVpc", Effect = "Allow", Action = local.interfaces, Resource = "*" }] : [],
    var.vpc != null ? [{
      Sid       = "NotByTheProgram", Effect = "Deny", Action = local.interfaces, Resource = "*",
      Condition = { ArnEquals = { "lambda:SourceFunctionArn" = local.arn[s] } }
    }] : [],
  ) }

  of_events = concat(
    local.table ? [{ Sid = "ReadConfiguration", Effect = "Allow", Action = local.reads, Resource = local.arn.table }] : [],
    local.through_kms ? [{
      Sid       = "DecryptConfiguration", Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey"], Resource = aws_kms_key.secrets[0].arn,
      Condition = local.via_dynamodb
    }] : [],
    var.queue ? [{ Sid = "QueueEvents", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [local.arn.queue, local.arn.dead] }] : [],
    # For the event source mapping, which polls with this role.
    var.queue ? [{ Sid = "TakeEvents", Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = local.arn.queue }] : [],
    [for call in [
      { Sid = "CallFunctions", Action = "lambda:InvokeFunction", Resource = var.lambda_function_arns },
      { Sid = "CallStreams", Action = "kinesis:PutRecord", Resource = var.kinesis_stream_arns },
      { Sid = "CallDeliveryStreams", Action = "firehose:PutRecord", Resource = var.firehose_delivery_stream_arns },
      { Sid = "CallQueues", Action = "sqs:SendMessage", Resource = var.sqs_queue_arns },
      { Sid = "AssumeRoles", Action = "sts:AssumeRole", Resource = var.assume_role_arns },
    ] : { Sid = call.Sid, Effect = "Allow", Action = [call.Action], Resource = call.Resource } if length(call.Resource) > 0],
  )

  of_config = concat(
    local.table ? [{ Sid = "WriteConfiguration", Effect = "Allow", Action = local.writes, Resource = local.arn.table }] : [],
    local.through_kms ? [{
      Sid      = "EncryptConfiguration", Effect = "Allow", Action = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
      Resource = aws_kms_key.secrets[0].arn, Condition = local.via_dynamodb
    }] : [],
  )

  statements = { events = concat(local.of_both.events, local.of_events), config = concat(local.of_both.config, local.of_config) }
}

# A role's name is of the whole account, so it has the region in it.
resource "aws_iam_role" "gateway" {
  for_each = local.surfaces

  name        = "${var.name}-${each.key}-${local.region}"
  description = local.description[each.key]
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "gateway" {
  for_each = local.surfaces

  name   = each.key
  role   = aws_iam_role.gateway[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })
}
