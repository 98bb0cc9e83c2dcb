# What takes requests for the two functions: an HTTP API or a function URL each.

locals {
  http_apis     = var.front == "http_api" ? local.surfaces : toset([])
  function_urls = var.front == "function_url" ? local.surfaces : toset([])

  # Senders of events need no credentials. The Config API is for operators.
  authorization = { events = "NONE", config = var.config_auth }
  throttling    = { events = var.events_throttling, config = var.config_throttling }

  caller = {
    events = {}
    config = var.config_auth == "JWT" ? { subject = "$context.authorizer.claims.sub" } : { user = "$context.identity.userArn" }
  }
}

resource "aws_apigatewayv2_api" "front" {
  for_each = local.http_apis

  name                         = "${var.name}-${each.key}"
  description                  = local.description[each.key]
  protocol_type                = "HTTP"
  disable_execute_api_endpoint = contains(keys(local.domains), each.key)
  tags                         = var.tags
}

resource "aws_apigatewayv2_integration" "front" {
  for_each = local.http_apis

  api_id                 = aws_apigatewayv2_api.front[each.key].id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_alias.live[each.key].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "front" {
  for_each = local.http_apis

  api_id               = aws_apigatewayv2_api.front[each.key].id
  route_key            = "$default"
  target               = "integrations/${aws_apigatewayv2_integration.front[each.key].id}"
  authorization_type   = local.authorization[each.key]
  authorizer_id        = local.authorization[each.key] == "JWT" ? aws_apigatewayv2_authorizer.jwt[0].id : null
  authorization_scopes = local.authorization[each.key] == "JWT" && length(try(var.jwt.scopes, [])) > 0 ? var.jwt.scopes : null
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count = var.config_auth == "JWT" ? 1 : 0

  api_id           = aws_apigatewayv2_api.front["config"].id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audience
  }
}

resource "aws_apigatewayv2_stage" "front" {
  for_each = local.http_apis

  api_id      = aws_apigatewayv2_api.front[each.key].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_rate_limit  = local.throttling[each.key].rate
    throttling_burst_limit = local.throttling[each.key].burst
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.access[each.key].arn
    format = jsonencode(merge({
      time     = "$context.requestTime"
      request  = "$context.requestId"
      ip       = "$context.identity.sourceIp"
      host     = "$context.domainName"
      method   = "$context.httpMethod"
      path     = "$context.path"
      protocol = "$context.protocol"
      status   = "$context.status"
      bytes    = "$context.responseLength"
      ms       = "$context.responseLatency"
      error    = "$context.error.message"
      cause    = "$context.integrationErrorMessage"
    }, local.caller[each.key]))
  }

  tags = var.tags
}

# With names of this form API Gateway needs no policy for the logs of its own, of which an account can have few.
resource "aws_cloudwatch_log_group" "access" {
  for_each = local.http_apis

  name              = "/aws/vendedlogs/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# This route of this API may call the alias, and nothing else may.
resource "aws_lambda_permission" "http_api" {
  for_each = local.http_apis

  statement_id  = "http-api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.gateway[each.key].function_name
  qualifier     = aws_lambda_alias.live[each.key].name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.front[each.key].execution_arn}/$default/$default"
}

resource "aws_lambda_function_url" "front" {
  for_each = local.function_urls

  function_name      = aws_lambda_function.gateway[each.key].function_name
  qualifier          = aws_lambda_alias.live[each.key].name
  authorization_type = local.authorization[each.key]
}

# Since October 2025 a public function URL needs lambda:InvokeFunction besides the permission that comes with it, for calls by the URL only.
# This provider cannot say "by the URL only" before its version 6, and without it everybody could hand the function forged events.
resource "aws_cloudformation_stack" "function_url" {
  count = var.front == "function_url" ? 1 : 0

  name = "${var.name}-function-url"
  template_body = jsonencode({
    Description = "Event gateway ${var.name}: everybody may call its function URL of events"
    Resources = {
      Permission = {
        Type = "AWS::Lambda::Permission"
        Properties = {
          FunctionName          = aws_lambda_alias.live["events"].arn
          Action                = "lambda:InvokeFunction"
          Principal             = "*"
          InvokedViaFunctionUrl = true
        }
      }
    }
  })
  tags = var.tags
}
