"""Keys: what they are good for, their last day, their last use."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("allauth_idp_oidc", "0003_client_allow_uri_wildcards"),
        ("identity", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyTerms",
            fields=[
                (
                    "client",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="terms",
                        serialize=False,
                        to="allauth_idp_oidc.client",
                    ),
                ),
                ("only_reads", models.BooleanField(default=False, help_text="Good for reading data alone.")),
                (
                    "until",
                    models.DateField(
                        db_index=True,
                        help_text="The last day, in UTC; empty: until it is revoked.",
                        null=True,
                    ),
                ),
                ("last_used", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "terms of keys",
            },
        ),
    ]
