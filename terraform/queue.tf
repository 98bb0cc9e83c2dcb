locals {
  # Lambda wants six times the function's time-out, so that a batch that waits for a free call is not delivered twice.
  visibility_timeout = 6 * var.events_function.timeout_seconds

  # What the gateway's -queue takes.
  queue_url = !var.queue ? null : join("", [
    "sqs://sqs.${local.region}.${data.aws_partition.current.dns_suffix}/${local.account}/${aws_sqs_queue.events[0].name}",
    "?dead-letter=${aws_sqs_queue.dead[0].name}",
    var.queue_attempts == null ? "" : "&attempts=${var.queue_attempts}",
  ])

  over_tls = { for queue in ["queue", "dead"] : queue => jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyOverTls"
      Effect    = "Deny"
      Action    = "sqs:*"
      Principal = "*"
      Resource  = local.arn[queue]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  }) }
}

resource "aws_sqs_queue" "events" {
  count = var.queue ? 1 : 0

  name                       = var.name
  visibility_timeout_seconds = local.visibility_timeout
  message_retention_seconds  = var.queue_retention_days * 86400
  sqs_managed_sse_enabled    = true
  policy                     = local.over_tls.queue

  # The gateway counts its attempts itself and moves what fails to the dead letters, with the reason. This is for a batch that kills
  # the gateway each time.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead[0].arn, maxReceiveCount = 10 })

  tags = var.tags
}

resource "aws_sqs_queue" "dead" {
  count = var.queue ? 1 : 0

  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = true
  policy                    = local.over_tls.dead
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  count = var.queue && var.redrive_allow_policy ? 1 : 0

  queue_url            = aws_sqs_queue.dead[0].url
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.events[0].arn] })
}

resource "aws_lambda_event_source_mapping" "queue" {
  count = var.queue ? 1 : 0

  event_source_arn        = aws_sqs_queue.events[0].arn
  function_name           = aws_lambda_alias.live["events"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.queue_maximum_concurrency
  }

  tags = var.tags
}
