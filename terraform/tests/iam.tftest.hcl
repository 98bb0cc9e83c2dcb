# The policies of the roles, in full: one action, resource or statement more is a failure.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  command = plan

  assert {
    condition = aws_iam_role_policy.gateway["events"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-events:*"
        },
        {
          Sid      = "ReadConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
        {
          Sid      = "QueueEvents"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = ["arn:aws:sqs:eu-west-1:123456789012:gw", "arn:aws:sqs:eu-west-1:123456789012:gw-dead-letters"]
        },
        {
          Sid      = "TakeEvents"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = "arn:aws:sqs:eu-west-1:123456789012:gw"
        },
      ]
    })
    error_message = "The events role may do something else than before: ${aws_iam_role_policy.gateway["events"].policy}"
  }

  assert {
    condition = aws_iam_role_policy.gateway["config"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-config:*"
        },
        {
          Sid      = "WriteConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
      ]
    })
    error_message = "The config role may do something else than before: ${aws_iam_role_policy.gateway["config"].policy}"
  }

  assert {
    condition = alltrue([for s in ["events", "config"] : aws_iam_role.gateway[s].assume_role_policy == jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
    })])
    error_message = "Somebody else than Lambda may assume the roles."
  }

  assert {
    condition     = toset([for p in aws_iam_role_policy.gateway : p.role]) == toset(["gw-events-eu-west-1", "gw-config-eu-west-1"])
    error_message = "The policies belong to other roles."
  }
}

run "no_queue" {
  command = plan

  variables {
    queue = false
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.gateway["events"].policy).Statement : s.Sid] == ["WriteLogs", "ReadConfiguration"]
    error_message = "Without a queue the events role needs the logs and the table only: ${aws_iam_role_policy.gateway["events"].policy}"
  }
}

# Hosted events read several spaces at once; the Config API reads one at a time.
run "hosted" {
  variables {
    hosted           = true
    domain_name      = "events.example.com"
    certificate_arn  = "arn:aws:acm:eu-west-1:123456789012:certificate/events"
    secret_keys      = "{\"encryptedKeyset\":\"AAAA\"}"
    assume_role_arns = ["arn:aws:iam::123456789012:role/team/sender"]
  }

  assert {
    condition = aws_iam_role_policy.gateway["events"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-events:*"
        },
        {
          Sid      = "OpenSecretKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
        },
        {
          Sid      = "ReadConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchGetItem"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
        {
          Sid      = "QueueEvents"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = ["arn:aws:sqs:eu-west-1:123456789012:gw", "arn:aws:sqs:eu-west-1:123456789012:gw-dead-letters"]
        },
        {
          Sid      = "TakeEvents"
          Effect   = "Allow"
          Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
          Resource = "arn:aws:sqs:eu-west-1:123456789012:gw"
        },
        {
          Sid      = "AssumeRoles"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = ["arn:aws:iam::123456789012:role/team/sender"]
        },
      ]
    })
    error_message = "The events role may do something else: ${aws_iam_role_policy.gateway["events"].policy}"
  }

  assert {
    condition = aws_iam_role_policy.gateway["config"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-config:*"
        },
        {
          Sid      = "OpenSecretKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
        },
        {
          Sid      = "WriteConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
      ]
    })
    error_message = "The config role may do something else: ${aws_iam_role_policy.gateway["config"].policy}"
  }
}

run "calls" {
  command = plan

  variables {
    queue                         = false
    create_table                  = false
    store_url                     = "etcd://10.0.0.1:2379/gw"
    lambda_function_arns          = ["arn:aws:lambda:eu-west-1:123456789012:function:a", "arn:aws:lambda:eu-west-1:123456789012:function:b:live"]
    kinesis_stream_arns           = ["arn:aws:kinesis:eu-west-1:123456789012:stream/s"]
    firehose_delivery_stream_arns = ["arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"]
    sqs_queue_arns                = ["arn:aws:sqs:eu-west-1:123456789012:q"]
    assume_role_arns              = ["arn:aws:iam::123456789012:role/team/sender"]
  }

  assert {
    condition = aws_iam_role_policy.gateway["events"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-events:*"
        },
        {
          Sid      = "CallFunctions"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = ["arn:aws:lambda:eu-west-1:123456789012:function:a", "arn:aws:lambda:eu-west-1:123456789012:function:b:live"]
        },
        {
          Sid      = "CallStreams"
          Effect   = "Allow"
          Action   = ["kinesis:PutRecord"]
          Resource = ["arn:aws:kinesis:eu-west-1:123456789012:stream/s"]
        },
        {
          Sid      = "CallDeliveryStreams"
          Effect   = "Allow"
          Action   = ["firehose:PutRecord"]
          Resource = ["arn:aws:firehose:eu-west-1:123456789012:deliverystream/d"]
        },
        {
          Sid      = "CallQueues"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = ["arn:aws:sqs:eu-west-1:123456789012:q"]
        },
        {
          Sid      = "AssumeRoles"
          Effect   = "Allow"
          Action   = ["sts:AssumeRole"]
          Resource = ["arn:aws:iam::123456789012:role/team/sender"]
        },
      ]
    })
    error_message = "The events role may call something else: ${aws_iam_role_policy.gateway["events"].policy}"
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.gateway["config"].policy).Statement : s.Sid] == ["WriteLogs"]
    error_message = "The config role calls nothing: ${aws_iam_role_policy.gateway["config"].policy}"
  }
}

run "vpc_and_secrets" {
  command = plan

  variables {
    queue               = false
    store_url           = "etcd://10.0.0.1:2379/gw"
    secrets_arn         = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-abcdef"
    secrets_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-0123456789ab"
    vpc                 = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition = alltrue([for s in ["events", "config"] : aws_iam_role_policy.gateway[s].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-${s}:*"
        },
        {
          Sid      = "ReadSecret"
          Effect   = "Allow"
          Action   = ["secretsmanager:GetSecretValue"]
          Resource = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-abcdef"
        },
        {
          Sid      = "DecryptSecret"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-0123456789ab"
        },
        {
          Sid    = "JoinVpc"
          Effect = "Allow"
          Action = [
            "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
          ]
          Resource = "*"
        },
        {
          Sid    = "NotByTheProgram"
          Effect = "Deny"
          Action = [
            "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
          ]
          Resource  = "*"
          Condition = { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-west-1:123456789012:function:gw-${s}" } }
        },
      ]
    })])
    error_message = "The roles may do something else: ${aws_iam_role_policy.gateway["events"].policy}"
  }
}

run "kms" {
  variables {
    queue            = false
    secret_keys      = "{\"encryptedKeyset\":\"AAAA\"}"
    table_encryption = "module_key"
  }

  assert {
    condition = aws_iam_role_policy.gateway["events"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-events:*"
        },
        {
          Sid      = "OpenSecretKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
        },
        {
          Sid      = "ReadConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
        {
          Sid       = "DecryptConfiguration"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:DescribeKey"]
          Resource  = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
          Condition = { StringEquals = { "kms:ViaService" = "dynamodb.eu-west-1.amazonaws.com" } }
        },
      ]
    })
    error_message = "The events role may do something else: ${aws_iam_role_policy.gateway["events"].policy}"
  }

  assert {
    condition = aws_iam_role_policy.gateway["config"].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gw-config:*"
        },
        {
          Sid      = "OpenSecretKeys"
          Effect   = "Allow"
          Action   = ["kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
        },
        {
          Sid      = "WriteConfiguration"
          Effect   = "Allow"
          Action   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:DeleteItem"]
          Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/gw"
        },
        {
          Sid       = "EncryptConfiguration"
          Effect    = "Allow"
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
          Resource  = "arn:aws:kms:eu-west-1:123456789012:key/mocked"
          Condition = { StringEquals = { "kms:ViaService" = "dynamodb.eu-west-1.amazonaws.com" } }
        },
      ]
    })
    error_message = "The config role may do something else: ${aws_iam_role_policy.gateway["config"].policy}"
  }

  assert {
    condition = aws_kms_key.secrets[0].policy == jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "AsIamSays"
        Effect    = "Allow"
        Action    = "kms:*"
        Principal = { AWS = "arn:aws:iam::123456789012:root" }
        Resource  = "*"
      }]
    })
    error_message = "The key is open to others than this account."
  }
}
