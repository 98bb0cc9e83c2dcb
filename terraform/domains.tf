# Domains of your own for the HTTP APIs. In hosted mode that of events is a wildcard, and each space is a host below it.

locals {
  domains = merge(
    var.domain_name == null ? {} : { events = { name = var.hosted ? "*.${var.domain_name}" : var.domain_name, certificate_arn = var.certificate_arn } },
    var.config_domain_name == null ? {} : { config = { name = var.config_domain_name, certificate_arn = var.config_certificate_arn } },
  )
}

resource "aws_apigatewayv2_domain_name" "front" {
  for_each = local.domains

  domain_name = each.value.name

  domain_name_configuration {
    certificate_arn = each.value.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }

  tags = var.tags
}

resource "aws_apigatewayv2_api_mapping" "front" {
  for_each = local.domains

  api_id      = aws_apigatewayv2_api.front[each.key].id
  domain_name = aws_apigatewayv2_domain_name.front[each.key].domain_name
  stage       = aws_apigatewayv2_stage.front[each.key].name
}

resource "aws_route53_record" "front" {
  for_each = var.zone_id == null ? {} : local.domains

  zone_id = var.zone_id
  name    = each.value.name
  type    = "A"

  alias {
    name                   = aws_apigatewayv2_domain_name.front[each.key].domain_name_configuration[0].target_domain_name
    zone_id                = aws_apigatewayv2_domain_name.front[each.key].domain_name_configuration[0].hosted_zone_id
    evaluate_target_health = false
  }
}
