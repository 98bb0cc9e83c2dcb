# What tells of trouble.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  variables {
    alarm_actions = ["arn:aws:sns:eu-west-1:123456789012:trouble"]
  }

  assert {
    condition = { for name, a in aws_cloudwatch_metric_alarm.gateway : name => join(" ", [a.alarm_name, a.namespace, a.metric_name, coalesce(a.statistic, a.extended_statistic), a.threshold, one(values(a.dimensions))]) } == {
      events-errors    = "gw-events-errors AWS/Lambda Errors Sum 0 gw-events"
      events-throttles = "gw-events-throttles AWS/Lambda Throttles Sum 0 gw-events"
      events-p99       = "gw-events-p99 AWS/Lambda Duration p99 23200 gw-events"
      config-errors    = "gw-config-errors AWS/Lambda Errors Sum 0 gw-config"
      config-throttles = "gw-config-throttles AWS/Lambda Throttles Sum 0 gw-config"
      config-p99       = "gw-config-p99 AWS/Lambda Duration p99 8000 gw-config"
      queue-age        = "gw-queue-age AWS/SQS ApproximateAgeOfOldestMessage Maximum 1800 gw"
      dead-letters     = "gw-dead-letters AWS/SQS ApproximateNumberOfMessagesVisible Maximum 0 gw-dead-letters"
    }
    error_message = "The alarms are others."
  }

  assert {
    condition = alltrue([for a in aws_cloudwatch_metric_alarm.gateway : a.comparison_operator == "GreaterThanThreshold" && a.treat_missing_data == "notBreaching" &&
    a.alarm_actions == toset(["arn:aws:sns:eu-west-1:123456789012:trouble"]) && a.ok_actions == a.alarm_actions])
    error_message = "Each alarm calls the topic when it goes off and when it is over."
  }

  assert {
    condition     = aws_cloudwatch_dashboard.gateway[0].dashboard_name == "gw-eu-west-1" && length(jsondecode(aws_cloudwatch_dashboard.gateway[0].dashboard_body).widgets) == 11
    error_message = "The dashboard has eleven graphs."
  }
}

run "none" {
  command = plan

  variables {
    alarms    = false
    dashboard = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.gateway) + length(aws_cloudwatch_dashboard.gateway) == 0
    error_message = "There are alarms, or a dashboard."
  }
}
