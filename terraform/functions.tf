locals {
  settings = { events = var.events_function, config = var.config_function }

  description = {
    events = "Event gateway ${var.name}: takes events and delivers them"
    config = "Event gateway ${var.name}: its Config API"
  }

  # What has no value is not set.
  both = {
    EVENT_GATEWAY_STORE           = local.table ? "dynamodb://${aws_dynamodb_table.config[0].name}" : var.store_url
    EVENT_GATEWAY_LINEAGE_KEY     = sensitive(terraform_data.lineage_key.output)
    EVENT_GATEWAY_HOSTED_DOMAIN   = var.hosted ? var.domain_name : null
    EVENT_GATEWAY_SECRET_KEYS     = var.secret_keys
    EVENT_GATEWAY_SECRET_KEYS_KMS = var.secret_keys == null ? null : local.kms_uri
    EVENT_GATEWAY_SECRETS_ARN     = var.secrets_arn

    # The Config API looks at it, too: it takes no function with a role that would not be assumed.
    EVENT_GATEWAY_FUNCTION_CREDENTIALS = var.hosted && length(var.assume_role_arns) > 0 ? "role" : null
  }

  own = {
    events = { EVENT_GATEWAY_QUEUE = local.queue_url }
    config = { EVENT_GATEWAY_CONFIG_IDENTITY = var.config_auth == "JWT" ? "jwt" : "iam" }
  }
}

resource "aws_lambda_function" "gateway" {
  for_each = local.surfaces

  function_name = "${var.name}-${each.key}"
  description   = local.description[each.key]
  role          = aws_iam_role.gateway[each.key].arn

  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  publish          = true # each apply that changes it makes a version, which can be gone back to

  memory_size                    = local.settings[each.key].memory_mb
  timeout                        = local.settings[each.key].timeout_seconds
  reserved_concurrent_executions = local.settings[each.key].reserved_concurrency

  environment {
    variables = merge(
      { for name, value in merge(local.both, local.own[each.key]) : name => value if value != null },
      { EVENT_GATEWAY_ROLE = each.key },
      var.environment,
    )
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = var.tags

  # Lambda looks at the permissions when it makes a function in a VPC, and makes log groups that are not there, without retention.
  depends_on = [aws_iam_role_policy.gateway, aws_cloudwatch_log_group.function]
}

# Fronts and the queue call the alias: who moves it, moves all of them at once.
resource "aws_lambda_alias" "live" {
  for_each = local.surfaces

  name             = "live"
  function_name    = aws_lambda_function.gateway[each.key].function_name
  function_version = coalesce(var.rollback_versions[each.key], aws_lambda_function.gateway[each.key].version)
}

resource "aws_lambda_provisioned_concurrency_config" "live" {
  for_each = toset([for s in local.surfaces : s if local.settings[s].provisioned_concurrency > 0])

  function_name                     = aws_lambda_alias.live[each.key].function_name
  qualifier                         = aws_lambda_alias.live[each.key].name
  provisioned_concurrent_executions = local.settings[each.key].provisioned_concurrency
}

# Events may go through the gateway again. The gateway counts their hops itself, and stops loops: see docs/events-api.md.
resource "aws_lambda_function_recursion_config" "events" {
  count = var.recursion_config ? 1 : 0

  function_name  = aws_lambda_function.gateway["events"].function_name
  recursive_loop = "Allow"
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.surfaces

  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# The key that both functions sign hops of events with. It is made once, and is in the state.
resource "terraform_data" "lineage_key" {
  input = sensitive(uuid())

  lifecycle {
    ignore_changes = [input]
  }
}
