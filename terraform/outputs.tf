locals {
  url = { for s in local.surfaces : s => (
    contains(keys(local.domains), s) ? "https://${local.domains[s].name}" :
    trimsuffix(var.front == "http_api" ? aws_apigatewayv2_api.front[s].api_endpoint : aws_lambda_function_url.front[s].function_url, "/")
  ) }

  # How curl says who it is. Long-term keys have no token, and a header that is signed but not sent is refused.
  credentials = var.config_auth == "JWT" ? "-H \"Authorization: Bearer $TOKEN\"" : join(" ", [
    "--aws-sigv4 aws:amz:${local.region}:${var.front == "http_api" ? "execute-api" : "lambda"}",
    "--user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" $${AWS_SESSION_TOKEN:+\"-HX-Amz-Security-Token: $AWS_SESSION_TOKEN\"}",
  ])
}

output "events_url" {
  description = "Where events are sent to. In hosted mode it has a * in the place of the space."
  value       = local.url.events
}

output "config_url" {
  description = "Where the Config API is."
  value       = local.url.config
}

output "curl" {
  description = "A command that lists the functions of the default space, with the AWS credentials or the TOKEN that are in the environment."
  value       = "curl ${local.credentials} ${local.url.config}/v1/spaces/default/functions"
}

output "config_policy" {
  description = "An IAM policy that lets its holder use the Config API, with config_auth = \"AWS_IAM\"."
  value = var.front == "http_api" ? jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "execute-api:Invoke", Resource = "${aws_apigatewayv2_api.front["config"].execution_arn}/$default/*" }]
    }) : jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "lambda:InvokeFunctionUrl", Resource = aws_lambda_alias.live["config"].arn },
      # By the URL only: who may invoke the function itself can claim to be anybody.
      {
        Effect    = "Allow", Action = "lambda:InvokeFunction", Resource = aws_lambda_alias.live["config"].arn,
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
    ]
  })
}

output "domains" {
  description = "What records of domains have to point at, if there is no zone_id: name -> target."
  value       = { for s, domain in local.domains : domain.name => aws_apigatewayv2_domain_name.front[s].domain_name_configuration[0].target_domain_name }
}

output "function_names" {
  description = "Names of the functions `events` and `config`."
  value       = { for s in local.surfaces : s => aws_lambda_function.gateway[s].function_name }
}

output "alias_arns" {
  description = "ARNs of their aliases `live`, which is what fronts and the queue call."
  value       = { for s in local.surfaces : s => aws_lambda_alias.live[s].arn }
}

output "versions" {
  description = "Their versions: the one that was applied last, and the one that is live."
  value = { for s in local.surfaces : s => {
    applied = aws_lambda_function.gateway[s].version
    live    = aws_lambda_alias.live[s].function_version
  } }
}

output "role_names" {
  description = "Names of their roles, for policies of your own."
  value       = { for s in local.surfaces : s => aws_iam_role.gateway[s].name }
}

output "role_arns" {
  description = "ARNs of their roles, for the trust policies of roles that the gateway assumes, and for key policies."
  value       = { for s in local.surfaces : s => aws_iam_role.gateway[s].arn }
}

output "log_groups" {
  description = "Names of the log groups of the functions."
  value       = { for s in local.surfaces : s => aws_cloudwatch_log_group.function[s].name }
}

output "table" {
  description = "Name of the table, or null."
  value       = local.table ? aws_dynamodb_table.config[0].name : null
}

output "queue_url" {
  description = "URL of the queue, or null."
  value       = var.queue ? aws_sqs_queue.events[0].url : null
}

output "queue_arn" {
  description = "ARN of the queue, or null. It is where a redrive of dead letters has to go to."
  value       = var.queue ? aws_sqs_queue.events[0].arn : null
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue, or null."
  value       = var.queue ? aws_sqs_queue.dead[0].url : null
}

output "dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue, or null."
  value       = var.queue ? aws_sqs_queue.dead[0].arn : null
}

output "kms_uri" {
  description = "The KMS key for `event-gateway keys create -kms URI FILE`, or null."
  value       = local.kms_uri
}
