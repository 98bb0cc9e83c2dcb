locals {
  lambda_metrics = { for metric, statistic in { Invocations = "Sum", Errors = "Sum", Throttles = "Sum", Duration = "p99", ConcurrentExecutions = "Maximum" } :
    metric => { statistic = statistic, metrics = [for s in ["events", "config"] : ["AWS/Lambda", metric, "FunctionName", "${var.name}-${s}"]] }
  }

  http_metrics = var.front != "http_api" ? {} : { for title, of in { "HTTP 4xx" = ["4xx", "Sum"], "HTTP 5xx" = ["5xx", "Sum"], "HTTP latency" = ["Latency", "p99"] } :
    title => { statistic = of[1], metrics = [for s in ["events", "config"] : ["AWS/ApiGateway", of[0], "ApiId", aws_apigatewayv2_api.front[s].id, { label = s }]] }
  }

  queue_metrics = !var.queue ? {} : {
    "Events that wait" = { statistic = "Maximum", metrics = [
      ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.name],
      ["AWS/SQS", "ApproximateNumberOfMessagesDelayed", "QueueName", var.name],
    ] }
    "Age of the oldest" = { statistic = "Maximum", metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.name]] }
    "Dead letters"      = { statistic = "Maximum", metrics = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-dead-letters"]] }
  }
}

# A dashboard's name is of the whole account, so it has the region in it.
resource "aws_cloudwatch_dashboard" "gateway" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({
    widgets = [for title, graph in merge(local.lambda_metrics, local.http_metrics, local.queue_metrics) : {
      type   = "metric"
      width  = 8
      height = 6
      properties = {
        title   = title
        region  = local.region
        stat    = graph.statistic
        period  = 300
        metrics = graph.metrics
      }
    }]
  })
}
