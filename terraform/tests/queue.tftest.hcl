# The queue of async events and what takes them out of it.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  assert {
    condition = [for q in [aws_sqs_queue.events[0], aws_sqs_queue.dead[0]] : [q.name, tostring(q.message_retention_seconds), tostring(q.sqs_managed_sse_enabled)]] == [
      ["gw", "345600", "true"], ["gw-dead-letters", "1209600", "true"],
    ]
    error_message = "Both queues are encrypted, and keep 4 and 14 days."
  }

  assert {
    condition     = aws_sqs_queue.events[0].visibility_timeout_seconds == 6 * 29
    error_message = "A message is hidden for six times the function's time-out."
  }

  assert {
    condition     = aws_sqs_queue.events[0].redrive_policy == jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead[0].arn, maxReceiveCount = 10 })
    error_message = "What is received ten times and never done goes to the dead letters."
  }

  assert {
    condition = aws_sqs_queue_redrive_allow_policy.dead[0].redrive_allow_policy == jsonencode({
      redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.events[0].arn]
    })
    error_message = "Only the queue has these dead letters."
  }

  assert {
    condition = alltrue([for arn, q in { "gw" = aws_sqs_queue.events[0], "gw-dead-letters" = aws_sqs_queue.dead[0] } : q.policy == jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Action    = "sqs:*"
        Principal = "*"
        Resource  = "arn:aws:sqs:eu-west-1:123456789012:${arn}"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }]
    })])
    error_message = "The queues take what comes without TLS, or let somebody in."
  }

  assert {
    condition = (aws_lambda_event_source_mapping.queue[0].event_source_arn == aws_sqs_queue.events[0].arn && aws_lambda_event_source_mapping.queue[0].function_name == aws_lambda_alias.live["events"].arn &&
      aws_lambda_event_source_mapping.queue[0].batch_size == 10 && aws_lambda_event_source_mapping.queue[0].function_response_types == toset(["ReportBatchItemFailures"]) &&
    aws_lambda_event_source_mapping.queue[0].scaling_config[0].maximum_concurrency == 10)
    error_message = "The alias of events takes ten messages at once, and answers which of them failed."
  }
}

run "settings" {
  variables {
    events_function           = { timeout_seconds = 100 }
    queue_attempts            = 3
    queue_maximum_concurrency = 2
    queue_retention_days      = 14
    redrive_allow_policy      = false
  }

  assert {
    condition     = aws_lambda_function.gateway["events"].environment[0].variables.EVENT_GATEWAY_QUEUE == "sqs://sqs.eu-west-1.amazonaws.com/123456789012/gw?dead-letter=gw-dead-letters&attempts=3"
    error_message = "The gateway is told how often to try."
  }

  assert {
    condition     = aws_sqs_queue.events[0].visibility_timeout_seconds == 600 && aws_sqs_queue.events[0].message_retention_seconds == 1209600
    error_message = "The time-out and the retention are those that were asked for."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.queue[0].scaling_config[0].maximum_concurrency == 2 && length(aws_sqs_queue_redrive_allow_policy.dead) == 0
    error_message = "Two calls at once, and no redrive allow policy."
  }
}

run "longest" {
  command = plan

  variables {
    events_function = { timeout_seconds = 900 }
  }

  assert {
    condition     = aws_sqs_queue.events[0].visibility_timeout_seconds == 5400
    error_message = "Six times the longest time-out is 90 minutes."
  }
}

run "none" {
  command = plan

  variables {
    queue = false
  }

  assert {
    condition     = length(aws_sqs_queue.events) + length(aws_sqs_queue.dead) + length(aws_sqs_queue_redrive_allow_policy.dead) + length(aws_lambda_event_source_mapping.queue) == 0
    error_message = "There is no queue, and nothing about one."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.gateway["events"].environment[0].variables), "EVENT_GATEWAY_QUEUE") && output.queue_url == null && output.queue_arn == null && output.dead_letter_queue_arn == null
    error_message = "The gateway is told of a queue."
  }

  assert {
    condition     = length([for name in keys(aws_cloudwatch_metric_alarm.gateway) : name if contains(["queue-age", "dead-letters"], name)]) == 0
    error_message = "There are alarms of a queue."
  }
}
