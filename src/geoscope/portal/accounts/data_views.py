"""The page "Your data": download what is kept about oneself, delete the account."""

from allauth.account.decorators import reauthentication_required
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from geoscope.errors import ConflictError
from geoscope.portal.accounts.forms import DeletionForm
from geoscope.portal.accounts.personal_data import delete_account, personal_data
from geoscope.portal.accounts.signing_in import signed_in_user
from geoscope.portal.entities.members import require_leavable
from geoscope.portal.orders.ending import end_running_work


@require_safe
@never_cache
@login_required
def data(request: HttpRequest) -> HttpResponse:
    """Show what can be done with one's data."""
    return render(request, "accounts/data.html", {"form": DeletionForm(user=signed_in_user(request))})


@require_safe
@never_cache
@login_required
@reauthentication_required
def download(request: HttpRequest) -> HttpResponse:
    """Return all that is kept about the person who asks."""
    user = signed_in_user(request)
    name = f"geoscope-{user.get_username()}.json"
    answer = JsonResponse(personal_data(user), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
@never_cache
@login_required
@reauthentication_required
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the account of who asks, if they type its name."""
    user = signed_in_user(request)
    form = DeletionForm(request.POST, user=user)
    if not form.is_valid():
        return render(request, "accounts/data.html", {"form": form}, status=422)
    try:
        require_leavable(user)
    except ConflictError as error:
        form.add_error(None, str(error))
        return render(request, "accounts/data.html", {"form": form}, status=error.status)
    end_running_work(request)
    logout(request)
    delete_account(user)
    return redirect("landing")
