locals {
  # name -> what is watched. Every period has five minutes; no numbers are no trouble.
  function_alarms = {
    errors    = { metric = "Errors", statistic = "Sum", threshold = { events = 0, config = 0 }, says = "calls that crashed or ran out of time" }
    throttles = { metric = "Throttles", statistic = "Sum", threshold = { events = 0, config = 0 }, says = "calls that were refused for want of concurrency" }
    p99 = {
      metric    = "Duration", statistic = "p99", says = "the slowest of a hundred calls takes more than 80% of the time-out"
      threshold = { for s in local.surfaces : s => 800 * local.settings[s].timeout_seconds }
    }
  }

  alarms = var.alarms ? merge(
    { for pair in setproduct(local.surfaces, keys(local.function_alarms)) : "${pair[0]}-${pair[1]}" => merge(local.function_alarms[pair[1]], {
      namespace  = "AWS/Lambda"
      dimensions = { FunctionName = aws_lambda_function.gateway[pair[0]].function_name }
      threshold  = local.function_alarms[pair[1]].threshold[pair[0]]
    }) },
    !var.queue ? {} : {
      # SQS can hold back a message for 15 minutes before it is delivered again.
      queue-age = {
        namespace  = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", threshold = 1800,
        dimensions = { QueueName = aws_sqs_queue.events[0].name }, says = "an event waits for more than half an hour"
      }
      dead-letters = {
        namespace  = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", threshold = 0,
        dimensions = { QueueName = aws_sqs_queue.dead[0].name }, says = "events could not be delivered"
      }
    },
  ) : {}
}

resource "aws_cloudwatch_metric_alarm" "gateway" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "Event gateway ${var.name}: ${each.value.says}"

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = startswith(each.value.statistic, "p") ? null : each.value.statistic
  extended_statistic  = startswith(each.value.statistic, "p") ? each.value.statistic : null
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm_actions
  ok_actions    = var.alarm_actions
  tags          = var.tags
}
