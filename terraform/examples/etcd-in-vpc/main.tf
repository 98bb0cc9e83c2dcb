# The configuration is in an etcd of yours, in a VPC. The functions have interfaces in its subnets, and no other way out: SQS, Secrets
# Manager, KMS and Lambda are reached by VPC endpoints. For functions on the internet you need NAT.
# Each endpoint costs about 7.30 dollars a month in each subnet.

variable "zip" {
  description = "Path of the zip."
  type        = string
  default     = "../../../dist/event-gateway-lambda-arm64.zip"
}

variable "vpc_id" {
  description = "VPC that etcd is in."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets that reach etcd."
  type        = list(string)
}

variable "etcd_security_group_id" {
  description = "Security group of etcd's machines."
  type        = string
}

variable "etcd_url" {
  description = "What -store takes, without the password: etcd://gateway@10.0.1.10:2379/event-gateway?tls=true"
  type        = string
}

variable "secrets_arn" {
  description = "Secret in Secrets Manager whose value is {\"EVENT_GATEWAY_STORE_PASSWORD\": \"...\"}."
  type        = string
}

variable "lambda_function_arns" {
  description = "Lambda functions that the gateway may call."
  type        = list(string)
  default     = []
}

module "event_gateway" {
  source = "../.."

  name        = "events"
  zip         = var.zip
  store_url   = var.etcd_url
  secrets_arn = var.secrets_arn

  lambda_function_arns = var.lambda_function_arns

  vpc = {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.gateway.id]
  }
}

resource "aws_security_group" "gateway" {
  name        = "event-gateway"
  description = "The event gateway's functions"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "etcd" {
  security_group_id            = aws_security_group.gateway.id
  description                  = "etcd"
  referenced_security_group_id = var.etcd_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 2379
  to_port                      = 2379
}

resource "aws_vpc_security_group_ingress_rule" "etcd" {
  security_group_id            = var.etcd_security_group_id
  description                  = "The event gateway"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = 2379
  to_port                      = 2379
}

# The way to AWS's own services. Logs need none: Lambda itself takes them.
data "aws_region" "current" {}

resource "aws_vpc_endpoint" "aws" {
  for_each = toset(["sqs", "secretsmanager", "kms", "lambda"])

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints.id]
}

resource "aws_security_group" "endpoints" {
  name        = "event-gateway-endpoints"
  description = "AWS's services, for the event gateway"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id            = aws_security_group.endpoints.id
  description                  = "The event gateway"
  referenced_security_group_id = aws_security_group.gateway.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

resource "aws_vpc_security_group_egress_rule" "endpoints" {
  security_group_id            = aws_security_group.gateway.id
  description                  = "AWS's services"
  referenced_security_group_id = aws_security_group.endpoints.id
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}

output "events_url" {
  value = module.event_gateway.events_url
}

output "config_url" {
  value = module.event_gateway.config_url
}
