# The two functions, what they are told, and who calls them.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  assert {
    condition     = { for s, f in aws_lambda_function.gateway : s => f.function_name } == { events = "gw-events", config = "gw-config" }
    error_message = "There are the two functions gw-events and gw-config."
  }

  assert {
    condition = alltrue([for f in aws_lambda_function.gateway : f.runtime == "provided.al2023" && f.handler == "bootstrap" &&
    f.architectures == tolist(["arm64"]) && f.publish && f.source_code_hash == filebase64sha256("versions.tf") && f.reserved_concurrent_executions == -1])
    error_message = "The functions are those of the zip, for arm64, and each change makes a version."
  }

  assert {
    condition     = [aws_lambda_function.gateway["events"].timeout, aws_lambda_function.gateway["config"].timeout] == [29, 10]
    error_message = "API Gateway waits for 30 seconds."
  }

  assert {
    condition = { for name, value in aws_lambda_function.gateway["events"].environment[0].variables : name => nonsensitive(value) if name != "EVENT_GATEWAY_LINEAGE_KEY" } == {
      EVENT_GATEWAY_ROLE  = "events"
      EVENT_GATEWAY_STORE = "dynamodb://gw"
      EVENT_GATEWAY_QUEUE = "sqs://sqs.eu-west-1.amazonaws.com/123456789012/gw?dead-letter=gw-dead-letters"
    }
    error_message = "The environment of the events function is another one."
  }

  assert {
    condition = { for name, value in aws_lambda_function.gateway["config"].environment[0].variables : name => nonsensitive(value) if name != "EVENT_GATEWAY_LINEAGE_KEY" } == {
      EVENT_GATEWAY_ROLE            = "config"
      EVENT_GATEWAY_STORE           = "dynamodb://gw"
      EVENT_GATEWAY_CONFIG_IDENTITY = "iam"
    }
    error_message = "The environment of the config function is another one."
  }

  assert {
    condition = (length(aws_lambda_function.gateway["events"].environment[0].variables.EVENT_GATEWAY_LINEAGE_KEY) >= 16 &&
    aws_lambda_function.gateway["events"].environment[0].variables.EVENT_GATEWAY_LINEAGE_KEY == aws_lambda_function.gateway["config"].environment[0].variables.EVENT_GATEWAY_LINEAGE_KEY)
    error_message = "Both functions have the same lineage key of at least 16 characters."
  }

  assert {
    condition     = alltrue([for a in aws_lambda_alias.live : a.name == "live" && a.function_version == "3"]) && length(aws_lambda_alias.live) == 2
    error_message = "live is the version that was applied last."
  }

  assert {
    condition     = { for s, g in aws_cloudwatch_log_group.function : g.name => g.retention_in_days } == { "/aws/lambda/gw-events" = 30, "/aws/lambda/gw-config" = 30 }
    error_message = "Logs are kept for 30 days."
  }

  assert {
    condition     = aws_lambda_function_recursion_config.events[0].function_name == "gw-events" && aws_lambda_function_recursion_config.events[0].recursive_loop == "Allow"
    error_message = "Lambda must not stop chains of events: the gateway does."
  }

  assert {
    condition     = length(aws_lambda_provisioned_concurrency_config.live) == 0 && alltrue([for f in aws_lambda_function.gateway : length(f.vpc_config) == 0])
    error_message = "Nothing is provisioned, and there is no VPC."
  }
}

# The next apply does not make another key.
run "again" {
  command = plan

  variables {
    tags = { changed = "yes" }
  }

  assert {
    condition     = length(terraform_data.lineage_key.output) >= 16 # what is to be made anew is not known yet, and fails here
    error_message = "The lineage key is another one."
  }
}

run "settings" {
  variables {
    architecture       = "x86_64"
    events_function    = { memory_mb = 1024, timeout_seconds = 60, reserved_concurrency = 100, provisioned_concurrency = 5 }
    config_function    = { memory_mb = 128, timeout_seconds = 20, reserved_concurrency = 2 }
    rollback_versions  = { events = "2" }
    environment        = { EVENT_GATEWAY_LOG_LEVEL = "warn", EVENT_GATEWAY_LINEAGE_KEY = "one-that-servers-have-too" }
    log_retention_days = 7
    recursion_config   = false
    store_url          = "etcd://10.0.0.1:2379/gw"
    secrets_arn        = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-abcdef"
    vpc                = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = [for f in aws_lambda_function.gateway : [f.memory_size, f.timeout, f.reserved_concurrent_executions, f.architectures[0]]] == [[128, 20, 2, "x86_64"], [1024, 60, 100, "x86_64"]]
    error_message = "The settings of the functions are not those that were given."
  }

  assert {
    condition     = { for s, p in aws_lambda_provisioned_concurrency_config.live : s => [p.function_name, p.qualifier, tostring(p.provisioned_concurrent_executions)] } == { events = ["gw-events", "live", "5"] }
    error_message = "Five of live are provisioned for events, none for the Config API."
  }

  assert {
    condition     = { for s, a in aws_lambda_alias.live : s => a.function_version } == { events = "2", config = "3" }
    error_message = "Only events go back to version 2."
  }

  assert {
    condition = alltrue([for f in aws_lambda_function.gateway : f.environment[0].variables.EVENT_GATEWAY_LOG_LEVEL == "warn" &&
      f.environment[0].variables.EVENT_GATEWAY_LINEAGE_KEY == "one-that-servers-have-too" &&
      f.environment[0].variables.EVENT_GATEWAY_STORE == "etcd://10.0.0.1:2379/gw" &&
    f.environment[0].variables.EVENT_GATEWAY_SECRETS_ARN == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-abcdef"])
    error_message = "Both functions have the options that were given."
  }

  assert {
    condition = alltrue([for f in aws_lambda_function.gateway : f.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) &&
    f.vpc_config[0].security_group_ids == toset(["sg-1"])])
    error_message = "Both functions are in the VPC."
  }

  assert {
    condition     = alltrue([for g in aws_cloudwatch_log_group.function : g.retention_in_days == 7]) && length(aws_lambda_function_recursion_config.events) == 0
    error_message = "Logs are kept for 7 days, and there is no recursion config."
  }
}

# The URL of the store is in the secret, too.
run "store_in_secret" {
  variables {
    create_table = false
    secrets_arn  = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gw-abcdef"
  }

  assert {
    condition     = alltrue([for f in aws_lambda_function.gateway : !contains(keys(f.environment[0].variables), "EVENT_GATEWAY_STORE")]) && length(aws_dynamodb_table.config) == 0
    error_message = "There is no table, and what is in the environment would win over the secret."
  }
}
