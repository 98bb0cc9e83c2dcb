# What takes requests, and who may send them.

mock_provider "aws" {
  source = "./tests/aws"
}

variables {
  name = "gw"
  zip  = "versions.tf" # any file will do
}

run "least" {
  assert {
    condition     = { for s, a in aws_apigatewayv2_api.front : s => "${a.name} ${a.protocol_type} ${a.disable_execute_api_endpoint}" } == { events = "gw-events HTTP false", config = "gw-config HTTP false" }
    error_message = "There are two HTTP APIs."
  }

  assert {
    condition = alltrue([for s, i in aws_apigatewayv2_integration.front : i.integration_type == "AWS_PROXY" && i.payload_format_version == "2.0" &&
    i.integration_uri == aws_lambda_alias.live[s].invoke_arn])
    error_message = "Each calls the alias of its function, with the payload 2.0."
  }

  assert {
    condition     = { for s, r in aws_apigatewayv2_route.front : s => "${r.route_key} ${r.authorization_type}" } == { events = "$default NONE", config = "$default AWS_IAM" }
    error_message = "Everybody may send events, and only IAM's users may configure."
  }

  assert {
    condition     = { for s, t in aws_apigatewayv2_stage.front : s => [t.name, tostring(t.auto_deploy), tostring(t.default_route_settings[0].throttling_rate_limit), tostring(t.default_route_settings[0].throttling_burst_limit)] } == { events = ["$default", "true", "1000", "1000"], config = ["$default", "true", "20", "50"] }
    error_message = "The stages are $default, and throttled."
  }

  assert {
    condition     = alltrue([for s, t in aws_apigatewayv2_stage.front : t.access_log_settings[0].destination_arn == aws_cloudwatch_log_group.access[s].arn && jsondecode(t.access_log_settings[0].format).status == "$context.status"])
    error_message = "Access is logged, as JSON."
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_stage.front["config"].access_log_settings[0].format).user == "$context.identity.userArn"
    error_message = "The access log of the Config API says who it was."
  }

  assert {
    condition     = alltrue([for s, p in aws_lambda_permission.http_api : p.principal == "apigateway.amazonaws.com" && p.action == "lambda:InvokeFunction" && p.qualifier == "live" && p.source_arn == "arn:aws:execute-api:eu-west-1:123456789012:mocked/$default/$default"])
    error_message = "Only that route of that API may call the alias."
  }

  assert {
    condition     = length(aws_lambda_function_url.front) + length(aws_cloudformation_stack.function_url) + length(aws_apigatewayv2_authorizer.jwt) + length(aws_apigatewayv2_domain_name.front) == 0
    error_message = "There is nothing of other fronts."
  }

  assert {
    condition     = output.curl == "curl --aws-sigv4 aws:amz:eu-west-1:execute-api --user \"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY\" $${AWS_SESSION_TOKEN:+\"-HX-Amz-Security-Token: $AWS_SESSION_TOKEN\"} https://mocked.execute-api.eu-west-1.amazonaws.com/v1/spaces/default/functions"
    error_message = "The curl line is ${output.curl}"
  }

  assert {
    condition = jsondecode(output.config_policy).Statement == [
      { Effect = "Allow", Action = "execute-api:Invoke", Resource = "arn:aws:execute-api:eu-west-1:123456789012:mocked/$default/*" },
    ]
    error_message = "Operators need execute-api:Invoke on the API."
  }
}

run "jwt" {
  variables {
    config_auth       = "JWT"
    jwt               = { issuer = "https://login.example.com/", audience = ["gateway"], scopes = ["configure"] }
    events_throttling = { rate = 5, burst = 7 }
    config_throttling = { rate = 1, burst = 2 }
  }

  assert {
    condition = (aws_apigatewayv2_authorizer.jwt[0].authorizer_type == "JWT" && aws_apigatewayv2_authorizer.jwt[0].api_id == aws_apigatewayv2_api.front["config"].id &&
      aws_apigatewayv2_authorizer.jwt[0].jwt_configuration[0].issuer == "https://login.example.com/" && aws_apigatewayv2_authorizer.jwt[0].jwt_configuration[0].audience == toset(["gateway"]) &&
    aws_apigatewayv2_authorizer.jwt[0].identity_sources == toset(["$request.header.Authorization"]))
    error_message = "The authorizer wants tokens of the issuer for the audience."
  }

  assert {
    condition = (aws_apigatewayv2_route.front["config"].authorization_type == "JWT" && aws_apigatewayv2_route.front["config"].authorizer_id == aws_apigatewayv2_authorizer.jwt[0].id &&
    aws_apigatewayv2_route.front["config"].authorization_scopes == toset(["configure"]) && aws_apigatewayv2_route.front["events"].authorization_type == "NONE")
    error_message = "Only the Config API wants tokens, with the scope."
  }

  assert {
    condition     = aws_lambda_function.gateway["config"].environment[0].variables.EVENT_GATEWAY_CONFIG_IDENTITY == "jwt" && jsondecode(aws_apigatewayv2_stage.front["config"].access_log_settings[0].format).subject == "$context.authorizer.claims.sub"
    error_message = "The gateway and the access log take the identity from the token."
  }

  assert {
    condition     = startswith(output.curl, "curl -H \"Authorization: Bearer $TOKEN\" https://")
    error_message = "The curl line is ${output.curl}"
  }

  assert {
    condition     = [for t in aws_apigatewayv2_stage.front : [t.default_route_settings[0].throttling_rate_limit, t.default_route_settings[0].throttling_burst_limit]] == [[1, 2], [5, 7]]
    error_message = "The limits are those that were given."
  }
}

run "function_url" {
  variables {
    front = "function_url"
  }

  assert {
    condition     = { for s, u in aws_lambda_function_url.front : s => "${u.function_name} ${u.qualifier} ${u.authorization_type}" } == { events = "gw-events live NONE", config = "gw-config live AWS_IAM" }
    error_message = "Everybody may call the URL of events, and only IAM's users that of the Config API."
  }

  assert {
    condition = jsondecode(aws_cloudformation_stack.function_url[0].template_body).Resources == {
      Permission = {
        Type       = "AWS::Lambda::Permission"
        Properties = { FunctionName = aws_lambda_alias.live["events"].arn, Action = "lambda:InvokeFunction", Principal = "*", InvokedViaFunctionUrl = true }
      }
    }
    error_message = "Everybody may call the function of events by its URL, and only by its URL."
  }

  assert {
    condition     = length(aws_apigatewayv2_api.front) + length(aws_lambda_permission.http_api) + length(aws_cloudwatch_log_group.access) == 0
    error_message = "There is no HTTP API."
  }

  assert {
    condition     = output.events_url == "https://mocked.lambda-url.eu-west-1.on.aws" && strcontains(output.curl, "aws:amz:eu-west-1:lambda ")
    error_message = "The URLs are those of the functions, and are signed for Lambda."
  }
}

run "operators_of_function_url" {
  variables {
    front = "function_url"
  }

  assert {
    condition = jsondecode(output.config_policy).Statement == [
      { Effect = "Allow", Action = "lambda:InvokeFunctionUrl", Resource = "arn:aws:lambda:eu-west-1:123456789012:function:mocked:live" },
      {
        Effect    = "Allow", Action = "lambda:InvokeFunction", Resource = "arn:aws:lambda:eu-west-1:123456789012:function:mocked:live",
        Condition = { Bool = { "lambda:InvokedViaFunctionUrl" = "true" } }
      },
    ]
    error_message = "Operators may call the URL, and the function by it only: ${output.config_policy}"
  }
}

run "domains" {
  variables {
    domain_name            = "events.example.com"
    certificate_arn        = "arn:aws:acm:eu-west-1:123456789012:certificate/events"
    config_domain_name     = "config.example.com"
    config_certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/config"
    zone_id                = "Z1"
  }

  assert {
    condition     = { for s, d in aws_apigatewayv2_domain_name.front : d.domain_name => d.domain_name_configuration[0].certificate_arn } == { "events.example.com" = var.certificate_arn, "config.example.com" = var.config_certificate_arn }
    error_message = "Each domain has its certificate."
  }

  assert {
    condition     = alltrue([for d in aws_apigatewayv2_domain_name.front : d.domain_name_configuration[0].security_policy == "TLS_1_2" && d.domain_name_configuration[0].endpoint_type == "REGIONAL"])
    error_message = "The domains are the region's, with TLS 1.2."
  }

  assert {
    condition     = alltrue([for a in aws_apigatewayv2_api.front : a.disable_execute_api_endpoint]) && alltrue([for s, m in aws_apigatewayv2_api_mapping.front : m.api_id == aws_apigatewayv2_api.front[s].id && m.stage == "$default"])
    error_message = "The APIs are at their domains only."
  }

  assert {
    condition     = { for r in aws_route53_record.front : r.name => r.zone_id } == { "events.example.com" = "Z1", "config.example.com" = "Z1" }
    error_message = "There are records in the zone."
  }

  assert {
    condition     = output.events_url == "https://events.example.com" && output.config_url == "https://config.example.com"
    error_message = "The URLs have the domains."
  }
}

run "hosted" {
  variables {
    hosted          = true
    domain_name     = "events.example.com"
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/events"
    secret_keys     = "{\"encryptedKeyset\":\"AAAA\"}"
  }

  assert {
    condition     = aws_apigatewayv2_domain_name.front["events"].domain_name == "*.events.example.com" && length(aws_apigatewayv2_domain_name.front) == 1 && length(aws_route53_record.front) == 0
    error_message = "The domain is a wildcard, and there is no zone."
  }

  assert {
    condition     = alltrue([for f in aws_lambda_function.gateway : f.environment[0].variables.EVENT_GATEWAY_HOSTED_DOMAIN == "events.example.com"])
    error_message = "The gateway is hosted."
  }

  assert {
    condition     = alltrue([for f in aws_lambda_function.gateway : !contains(keys(f.environment[0].variables), "EVENT_GATEWAY_FUNCTION_CREDENTIALS")])
    error_message = "There is no role that functions may name."
  }

  assert {
    condition     = aws_apigatewayv2_api.front["events"].disable_execute_api_endpoint && !aws_apigatewayv2_api.front["config"].disable_execute_api_endpoint
    error_message = "Only the API of events has a domain."
  }
}

run "hosted_with_roles" {
  variables {
    hosted                 = true
    domain_name            = "events.example.com"
    certificate_arn        = "arn:aws:acm:eu-west-1:123456789012:certificate/events"
    config_domain_name     = "config.example.com"
    config_certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/config"
    secret_keys            = "{\"encryptedKeyset\":\"AAAA\"}"
    assume_role_arns       = ["arn:aws:iam::123456789012:role/team/sender"]
  }

  assert {
    condition     = alltrue([for f in aws_lambda_function.gateway : f.environment[0].variables.EVENT_GATEWAY_FUNCTION_CREDENTIALS == "role"])
    error_message = "Functions may name a role, and both surfaces know that."
  }
}
